/*
 * Copyright 2026 The yolo12_ros Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
/* A stand-in for the RDK X5's libdnn.so: same C ABI, no hardware.  Test use only.
 *
 * "Models" are small text files (see parse_model; test/bpu_fixtures.py writes them).  A pool of
 * worker threads plays the BPU (default: one core, as on the X5, so that tasks queue).  Cached memory
 * is modelled honestly: every allocation has a CPU side (virAddr) and a DDR side; only hbSysFlushMem
 * moves bytes between them and the "BPU" sees the DDR side only, found through phyAddr.  A client that
 * forgets a flush therefore reads stale bytes and its test fails.
 *
 * Compile with FAKE_VERSION, FAKE_S100, FAKE_WITHOUT_FLUSH or FAKE_LARGER_PROPERTIES for libraries that a
 * client must refuse, with FAKE_WITHOUT_DESC for one that it must live with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, E_ARG = -6000001, E_MODEL = -6000002, E_PACKED = -6000004, E_HANDLE = -6000005, E_FILE = -6000006,
       E_TIMEOUT = -6000008, E_TASKS = -6000009, E_TASK = -6000011, E_RUN = -6000012, E_RUNNING = -6000013,
       E_SYS_ARG = -6000129, E_SYS_MEM = -6000130 };
#define MAX_DIMS 8
#define MAX_IO 16
#define MAX_TASKS 32

typedef struct { uint64_t phy; void *vir; uint32_t size; } Mem;
typedef struct { int32_t dim[MAX_DIMS]; int32_t n; } Shape;
typedef struct {
  Shape valid, aligned;
  int32_t layout, type;
  int32_t shift_len; uint8_t *shift;
  int32_t scale_len; float *scale; int32_t zp_len; int8_t *zp;
  int32_t quanti, axis, bytes;
  int32_t stride[MAX_DIMS];
} Props;
typedef struct { Mem mem[4]; Props p; } Tensor;
typedef struct { int32_t bpu, dsp, prio, more; int64_t custom; int32_t r1, r2; } Ctrl;
_Static_assert(sizeof(Mem) == 24 && sizeof(Shape) == 36 && sizeof(Props) == 176 && sizeof(Tensor) == 272 &&
               sizeof(Ctrl) == 32, "ABI");
_Static_assert(offsetof(Props, type) == 76 && offsetof(Props, shift) == 88 && offsetof(Props, scale) == 104 &&
               offsetof(Props, zp) == 120 && offsetof(Props, quanti) == 128 && offsetof(Props, bytes) == 136 &&
               offsetof(Props, stride) == 140 && offsetof(Tensor, p) == 96, "ABI");

typedef struct { char name[64]; Props p; unsigned char *data; size_t data_len; int echo; } Io;
typedef struct Packed { uint32_t magic; struct Model *m; const char *names[1]; } Packed;
typedef struct Model {
  uint32_t magic; char name[128]; int delay_ms, hang, nin, nout, running;
  int fail_infer, fail_wait, fail_flush, fail_alloc;
  Io in[MAX_IO], out[MAX_IO];
} Model;
typedef struct Task {
  uint32_t magic; Model *m; uint64_t in_phy[MAX_IO][2], out_phy[MAX_IO]; int state; /* 0 queued 1 running 2 done */
  int cancel, released, status, prio, width, height, row_bytes; int64_t custom; uint64_t seq; struct Task *next;
  void (*cb)(void *, int32_t, void *); void *user;
} Task;

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Task *queue; static int live_tasks; static uint64_t seq; static int fail_clean, fail_invalidate, fail_alloc_all, alloc_skip;

static FILE *trace_to;
static void trace(const char *f, ...) {
  if (!trace_to) return;
  va_list ap; va_start(ap, f); vfprintf(trace_to, f, ap); va_end(ap); fputc('\n', trace_to); fflush(trace_to);
}

/* ---- memory ---- */
typedef struct Alloc { uint64_t phy; uint32_t size; unsigned char *vir, *ddr; struct Alloc *next; } Alloc;
static Alloc *allocs; static uint64_t next_phy = 0x80000000ull;
static Alloc *by_phy(uint64_t phy) { /* an address inside an allocation is fine */
  for (Alloc *a = allocs; a; a = a->next) if (phy >= a->phy && phy < a->phy + a->size) return a;
  return NULL;
}
int32_t hbSysAllocCachedMem(Mem *m, uint32_t size) {
  trace("AllocCachedMem mem=%p size=%u", (void *)m, size);
  if (!m || !size) return E_SYS_ARG;
  if (fail_alloc_all && alloc_skip-- <= 0) return fail_alloc_all;
  Alloc *a = calloc(1, sizeof *a);
  if (posix_memalign((void **)&a->vir, 64, size) || posix_memalign((void **)&a->ddr, 64, size)) return E_SYS_MEM;
  memset(a->vir, 0xA5, size); memset(a->ddr, 0x5A, size);
  pthread_mutex_lock(&mu);
  a->phy = next_phy; next_phy += ((uint64_t)size + 4095) / 4096 * 4096 + 4096; a->size = size; a->next = allocs; allocs = a;
  pthread_mutex_unlock(&mu);
  m->phy = a->phy; m->vir = a->vir; m->size = size;
  return OK;
}
int32_t hbSysAllocMem(Mem *m, uint32_t size) { return hbSysAllocCachedMem(m, size); }
#ifndef FAKE_WITHOUT_FLUSH
int32_t hbSysFlushMem(Mem *m, int32_t flag) {
  if (!m || (flag != 1 && flag != 2)) return E_SYS_ARG;
  if (flag == 2 && fail_clean) return fail_clean;
  if (flag == 1 && fail_invalidate) return fail_invalidate;
  pthread_mutex_lock(&mu);
  Alloc *a = by_phy(m->phy); int32_t rc = a ? OK : E_SYS_ARG;
  if (a) { if (flag == 2) memcpy(a->ddr, a->vir, a->size); else memcpy(a->vir, a->ddr, a->size); }
  pthread_mutex_unlock(&mu);
  trace("FlushMem vir=%p size=%u flag=%d -> %d", m->vir, m->size, flag, rc);
  return rc;
}
#endif
int32_t hbSysFreeMem(Mem *m) {
  trace("FreeMem vir=%p", m ? m->vir : NULL);
  if (!m) return E_SYS_ARG;
  pthread_mutex_lock(&mu);
  Alloc **pp = &allocs; while (*pp && (*pp)->phy != m->phy) pp = &(*pp)->next;
  Alloc *a = *pp; if (a) *pp = a->next;
  pthread_mutex_unlock(&mu);
  if (!a) return E_SYS_ARG;
  memset(a->vir, 0xDD, a->size); free(a->vir); free(a->ddr); free(a);
  return OK;
}
int fakeLiveAllocs(void) { int n = 0; pthread_mutex_lock(&mu); for (Alloc *a = allocs; a; a = a->next) n++; pthread_mutex_unlock(&mu); return n; }
static int live_models;
int fakeLiveModels(void) { return live_models; }
int fakeLiveTasks(void) { return live_tasks; }

/* ---- the "BPU" ---- */
static volatile int lift_hang;
void fakeLiftHang(int on) { lift_hang = on; }  /* lets the tasks of hanging models end */
static int64_t now_us(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000LL + t.tv_nsec / 1000; }
/* Write the NV12 picture as the BPU reads it, rows at the width of the alignedShape given, tightly packed. */
static void see_picture(Task *t, unsigned char *to, size_t room) {
  for (int row = 0; row < t->height * 3 / 2; row++) {
    int uv = row >= t->height, two = t->in_phy[0][1] != 0;
    uint64_t phy = uv && two ? t->in_phy[0][1] + (uint64_t)(row - t->height) * t->row_bytes : t->in_phy[0][0] + (uint64_t)row * t->row_bytes;
    Alloc *a = by_phy(phy); size_t k = t->width;
    if (!a || k > room) return;
    if (k > a->phy + a->size - phy) k = a->phy + a->size - phy;
    memcpy(to, a->ddr + (phy - a->phy), k); to += t->width; room -= t->width;
  }
}
static void run(Task *t) {
  Model *m = t->m; int64_t end = now_us() + m->delay_ms * 1000, left;
  while (!t->cancel && ((left = end - now_us()) > 0 || (m->hang && !lift_hang))) usleep(m->hang || left > 5000 ? 5000 : (useconds_t)left);
  pthread_mutex_lock(&mu);
  for (int i = 0; i < m->nout && !t->cancel; i++) {
    Alloc *a = by_phy(t->out_phy[i]); if (!a) continue;
    size_t off = t->out_phy[i] - a->phy, room = a->size - off, n = m->out[i].p.bytes;
    if (n > room) n = room;
    if (m->out[i].echo) {
      see_picture(t, a->ddr + off, n);
    } else memcpy(a->ddr + off, m->out[i].data, n < m->out[i].data_len ? n : m->out[i].data_len);
  }
  pthread_mutex_unlock(&mu);
}
static void *worker(void *arg) {
  (void)arg;
  pthread_mutex_lock(&mu);
  for (;;) {
    Task **best = NULL;
    for (Task **pp = &queue; *pp; pp = &(*pp)->next)   /* higher priority first, then smaller customId, then order */
      if (!best || (*pp)->prio > (*best)->prio || ((*pp)->prio == (*best)->prio && ((*pp)->custom < (*best)->custom ||
          ((*pp)->custom == (*best)->custom && (*pp)->seq < (*best)->seq)))) best = pp;
    if (!best) { pthread_cond_wait(&cv, &mu); continue; }
    Task *t = *best; *best = t->next; t->state = 1;
    pthread_mutex_unlock(&mu); run(t); pthread_mutex_lock(&mu);
    t->state = 2; t->m->running--; if (t->m->fail_wait && !t->status) t->status = t->m->fail_wait;
    void (*cb)(void *, int32_t, void *) = t->cb; void *user = t->user;
    pthread_cond_broadcast(&cv);
    if (cb) { pthread_mutex_unlock(&mu); cb(t, t->status, user); pthread_mutex_lock(&mu); }
    if (t->released) { t->magic = 0; free(t); live_tasks--; }
  }
  return NULL;
}
static void start(void) {
  pthread_condattr_t a; pthread_condattr_init(&a); pthread_condattr_setclock(&a, CLOCK_MONOTONIC); pthread_cond_init(&cv, &a);
  const char *tr = getenv("FAKE_DNN_TRACE"); if (tr && *tr) trace_to = strcmp(tr, "-") ? fopen(tr, "a") : stderr;
  int n = getenv("FAKE_DNN_CORES") ? atoi(getenv("FAKE_DNN_CORES")) : 1;
  for (int i = 0; i < (n > 0 ? n : 1); i++) { pthread_t th; pthread_create(&th, NULL, worker, NULL); pthread_detach(th); }
}

/* ---- models ---- */
static int ints(const char *s, int32_t *out, int max) {
  int n = 0; char *e; while (s && *s && n < max) { out[n++] = (int32_t)strtol(s, &e, 0); s = *e == ',' ? e + 1 : NULL; } return n;
}
static int type_size(int t) { static const int sz[] = {1,1,1,1,1,1,1,1,1,1,2,2,2,4,4,4,8,8,8}; return t >= 0 && t < 19 ? sz[t] : 1; }
static int parse_io(char *line, Io *io, const char *dir) {
  memset(io, 0, sizeof *io); Props *p = &io->p; p->layout = 255; int have_stride = 0; char *save;
  for (char *k = strtok_r(line, " \t\n", &save); k; k = strtok_r(NULL, " \t\n", &save)) {
    char *v = strchr(k, '='); if (!v) continue; *v++ = 0;
    if (!strcmp(k, "name")) snprintf(io->name, sizeof io->name, "%s", v);
    else if (!strcmp(k, "type")) p->type = atoi(v);
    else if (!strcmp(k, "layout")) p->layout = atoi(v);
    else if (!strcmp(k, "shape")) p->valid.n = ints(v, p->valid.dim, MAX_DIMS);
    else if (!strcmp(k, "aligned")) p->aligned.n = ints(v, p->aligned.dim, MAX_DIMS);
    else if (!strcmp(k, "bytes")) p->bytes = atoi(v);
    else if (!strcmp(k, "stride")) have_stride = ints(v, p->stride, MAX_DIMS);
    else if (!strcmp(k, "quanti")) p->quanti = atoi(v);
    else if (!strcmp(k, "axis")) p->axis = atoi(v);
    else if (!strcmp(k, "echo")) io->echo = atoi(v);
    else if (!strcmp(k, "scale")) {
      int n = 1; for (char *c = v; *c; c++) n += *c == ','; p->scale = calloc(n, sizeof(float)); char *e = v;
      for (int i = 0; i < n; i++) { p->scale[i] = strtof(e, &e); if (*e == ',') e++; } p->scale_len = n;
    } else if (!strcmp(k, "shift")) {
      int32_t n[4096]; p->shift_len = ints(v, n, 4096); p->shift = calloc(p->shift_len, 1);
      for (int i = 0; i < p->shift_len; i++) p->shift[i] = (uint8_t)n[i];
    } else if (!strcmp(k, "zp")) {
      int32_t n[4096]; p->zp_len = ints(v, n, 4096); p->zp = calloc(p->zp_len, 1);
      for (int i = 0; i < p->zp_len; i++) p->zp[i] = (int8_t)n[i];
    } else if (!strcmp(k, "data")) {
      char path[1024]; snprintf(path, sizeof path, "%s%s", *v == '/' ? "" : dir, v);
      FILE *f = fopen(path, "rb"); if (!f) return E_FILE;
      fseek(f, 0, SEEK_END); io->data_len = ftell(f); rewind(f); io->data = malloc(io->data_len);
      io->data_len = fread(io->data, 1, io->data_len, f); fclose(f);
    }
  }
  if (!p->aligned.n) p->aligned = p->valid;
  if (!have_stride && p->type > 5) { int32_t s = type_size(p->type); for (int i = p->valid.n - 1; i >= 0; i--) { p->stride[i] = s; s *= p->aligned.dim[i]; } }
  if (!p->bytes) p->bytes = p->stride[0] * p->aligned.dim[0];
  return p->valid.n ? OK : E_MODEL;
}
static void free_io(Io *io) { free(io->data); free(io->p.scale); free(io->p.shift); free(io->p.zp); }
static void free_model(Model *m) {
  for (int i = 0; i < m->nin; i++) free_io(&m->in[i]);
  for (int i = 0; i < m->nout; i++) free_io(&m->out[i]);
  m->magic = 0; free(m);
}
static int parse_model(const char *path, Model **out) {
  FILE *f = fopen(path, "r"); if (!f) return E_FILE;
  char line[65536], dir[1024]; snprintf(dir, sizeof dir, "%s", path); char *s = strrchr(dir, '/'); if (s) s[1] = 0; else dir[0] = 0;
  if (!fgets(line, sizeof line, f) || strncmp(line, "FAKEDNN1", 8)) { fclose(f); return E_MODEL; }
  fail_clean = fail_invalidate = fail_alloc_all = alloc_skip = 0;
  Model *m = calloc(1, sizeof *m); m->magic = 0x4d4f444c; snprintf(m->name, sizeof m->name, "fake"); int rc = OK;
  while (!rc && fgets(line, sizeof line, f)) {
    if (!strncmp(line, "model ", 6)) sscanf(line + 6, "%127s", m->name);
    else if (!strncmp(line, "delay_ms ", 9)) m->delay_ms = atoi(line + 9);
    else if (!strncmp(line, "hang", 4)) m->hang = 1;
    else if (!strncmp(line, "fail_infer ", 11)) m->fail_infer = atoi(line + 11);
    else if (!strncmp(line, "fail_wait ", 10)) m->fail_wait = atoi(line + 10);
    else if (!strncmp(line, "fail_load ", 10)) rc = atoi(line + 10);
    else if (!strncmp(line, "fail_flush ", 11)) fail_clean = fail_invalidate = atoi(line + 11);
    else if (!strncmp(line, "fail_clean ", 11)) fail_clean = atoi(line + 11);
    else if (!strncmp(line, "fail_invalidate ", 16)) fail_invalidate = atoi(line + 16);
    else if (!strncmp(line, "fail_alloc ", 11)) sscanf(line + 11, "%d %d", &fail_alloc_all, &alloc_skip);  /* code, calls that succeed before */
    else if (!strncmp(line, "input ", 6) && m->nin < MAX_IO) rc = parse_io(line + 6, &m->in[m->nin++], dir);
    else if (!strncmp(line, "output ", 7) && m->nout < MAX_IO) rc = parse_io(line + 7, &m->out[m->nout++], dir);
  }
  fclose(f); if (rc) { free_model(m); return rc; }
  *out = m; return OK;
}
#ifdef FAKE_LARGER_PROPERTIES
#define LARGER(p) memset((p) + 1, 1, 8)  /* as a library would whose struct has grown */
#else
#define LARGER(p) (void)(p)
#endif
#define MODEL(h) Model *m = (h); if (!m || m->magic != 0x4d4f444c) return E_HANDLE

#ifndef FAKE_VERSION
#define FAKE_VERSION "1.24.5_(fake)"
#endif
char const *hbDNNGetVersion(void) { return FAKE_VERSION; }
#ifndef FAKE_WITHOUT_DESC
char const *hbDNNGetErrorDesc(int32_t e) {
  switch (e) { case OK: return "success"; case E_ARG: return "invalid argument"; case E_MODEL: return "invalid model";
    case E_FILE: return "can not open file"; case E_TIMEOUT: return "timeout"; case E_TASKS: return "task num exceed limit";
    case E_RUN: return "run task failed"; case E_RUNNING: return "model is running"; case E_TASK: return "invalid task handle";
    default: return "unknown error"; }
}
#endif
#ifdef FAKE_S100
int32_t hbDNNInferV2(void) { return E_ARG; }
#endif
int32_t hbDNNInitializeFromFiles(void **h, char const **files, int32_t n) {
  pthread_once(&once, start);
  trace("InitializeFromFiles n=%d file0=%s", n, n > 0 ? files[0] : "");
  if (!h || !files || n != 1) return E_ARG;
  Packed *p = calloc(1, sizeof *p); int rc = parse_model(files[0], &p->m);
  if (rc) { free(p); *h = NULL; return rc; }
  p->magic = 0x5041434b; p->names[0] = p->m->name; *h = p; live_models++; return OK;
}
int32_t hbDNNRelease(void *h) {
  Packed *p = h; trace("Release"); if (!p || p->magic != 0x5041434b) return E_PACKED;
  pthread_mutex_lock(&mu); int busy = p->m->running; pthread_mutex_unlock(&mu);
  if (busy) return E_RUNNING;
  p->magic = 0; live_models--; free_model(p->m); free(p); return OK;
}
int32_t hbDNNGetModelNameList(char const ***l, int32_t *n, void *h) {
  Packed *p = h; if (!p || p->magic != 0x5041434b) return E_PACKED; *l = p->names; *n = 1; return OK;
}
int32_t hbDNNGetModelHandle(void **d, void *h, char const *name) {
  Packed *p = h; if (!p || p->magic != 0x5041434b) return E_PACKED; if (strcmp(name, p->m->name)) return E_ARG; *d = p->m; return OK;
}
int32_t hbDNNGetInputCount(int32_t *n, void *h) { MODEL(h); *n = m->nin; return OK; }
int32_t hbDNNGetOutputCount(int32_t *n, void *h) { MODEL(h); *n = m->nout; return OK; }
int32_t hbDNNGetInputName(char const **s, void *h, int32_t i) { MODEL(h); if (i < 0 || i >= m->nin) return E_ARG; *s = m->in[i].name; return OK; }
int32_t hbDNNGetOutputName(char const **s, void *h, int32_t i) { MODEL(h); if (i < 0 || i >= m->nout) return E_ARG; *s = m->out[i].name; return OK; }
int32_t hbDNNGetInputTensorProperties(Props *p, void *h, int32_t i) { MODEL(h); if (i < 0 || i >= m->nin) return E_ARG; *p = m->in[i].p; LARGER(p); return OK; }
int32_t hbDNNGetOutputTensorProperties(Props *p, void *h, int32_t i) { MODEL(h); if (i < 0 || i >= m->nout) return E_ARG; *p = m->out[i].p; LARGER(p); return OK; }

int32_t hbDNNInfer(void **task, Tensor **output, Tensor const *in, void *h, Ctrl *c) {
  MODEL(h); if (!task || !output || !*output || !in || !c) return E_ARG;
  trace("Infer task_in=%p ctrl{bpu=%d dsp=%d prio=%d more=%d custom=%lld r=%d,%d}", *task, c->bpu, c->dsp, c->prio, c->more, (long long)c->custom, c->r1, c->r2);
  for (int i = 0; i < m->nin; i++) trace("  in[%d] type=%d layout=%d valid=%d,%d,%d,%d/%d aligned=%d,%d,%d,%d/%d bytes=%d vir=%p mem=%u stride0=%d", i, in[i].p.type, in[i].p.layout,
    in[i].p.valid.dim[0], in[i].p.valid.dim[1], in[i].p.valid.dim[2], in[i].p.valid.dim[3], in[i].p.valid.n, in[i].p.aligned.dim[0], in[i].p.aligned.dim[1], in[i].p.aligned.dim[2], in[i].p.aligned.dim[3], in[i].p.aligned.n, in[i].p.bytes, in[i].mem[0].vir, in[i].mem[0].size, in[i].p.stride[0]);
  for (int i = 0; i < m->nout; i++) trace("  out[%d] type=%d layout=%d bytes=%d quanti=%d axis=%d scale_len=%d stride=%d,%d,%d,%d vir=%p mem=%u", i, (*output)[i].p.type, (*output)[i].p.layout,
    (*output)[i].p.bytes, (*output)[i].p.quanti, (*output)[i].p.axis, (*output)[i].p.scale_len, (*output)[i].p.stride[0], (*output)[i].p.stride[1], (*output)[i].p.stride[2], (*output)[i].p.stride[3], (*output)[i].mem[0].vir, (*output)[i].mem[0].size);
  if (*task) return E_ARG;                                  /* appending to a task ("more") is not modelled */
  if (m->fail_infer) return m->fail_infer;
  if (c->bpu < 0 || c->bpu > 1 || c->prio < 0 || c->prio > 255) return E_ARG;      /* one BPU core */
  Task *t = calloc(1, sizeof *t); int32_t rc = OK;
  pthread_mutex_lock(&mu);
  for (int i = 0; i < m->nin && !rc; i++) {
    int two = in[i].p.type == 2; t->in_phy[i][0] = in[i].mem[0].phy; t->in_phy[i][1] = two ? in[i].mem[1].phy : 0;
    if (!by_phy(in[i].mem[0].phy) || (two && !by_phy(in[i].mem[1].phy))) rc = E_ARG;
  }
  if (m->nin == 1 && in[0].p.valid.n == 4 && in[0].p.type <= 2) {
    int x = in[0].p.valid.dim[1] == 3 ? 3 : 2;
    t->width = in[0].p.valid.dim[x]; t->height = in[0].p.valid.dim[x - 1]; t->row_bytes = in[0].p.aligned.dim[x];
    if (t->in_phy[0][1] && (t->row_bytes % 16 || t->in_phy[0][0] % 16 || t->in_phy[0][1] % 16)) rc = E_ARG;
  }
  for (int i = 0; i < m->nout && !rc; i++) { t->out_phy[i] = (*output)[i].mem[0].phy; Alloc *a = by_phy(t->out_phy[i]); if (!a || a->size < (uint32_t)m->out[i].p.bytes) rc = E_ARG; }
  if (!rc && live_tasks >= MAX_TASKS) rc = E_TASKS;
  if (rc) { pthread_mutex_unlock(&mu); free(t); return rc; }
  t->magic = 0x5441534b; t->m = m; t->prio = c->prio; t->custom = c->custom; t->seq = seq++; t->next = queue; queue = t; live_tasks++; m->running++;
  pthread_cond_broadcast(&cv); pthread_mutex_unlock(&mu);
  *task = t; return OK;
}
#define TASK(h) Task *t = (h); if (!t || t->magic != 0x5441534b) return E_TASK
int32_t hbDNNSetTaskDoneCb(void *h, void (*cb)(void *, int32_t, void *), void *user) {
  TASK(h); pthread_mutex_lock(&mu); int done = t->state == 2; if (!done) { t->cb = cb; t->user = user; } pthread_mutex_unlock(&mu);
  if (done) cb(t, t->status, user);
  return OK;
}
int32_t hbDNNWaitTaskDone(void *h, int32_t timeout) {
  TASK(h); struct timespec d; clock_gettime(CLOCK_MONOTONIC, &d); d.tv_sec += timeout / 1000; d.tv_nsec += timeout % 1000 * 1000000L;
  if (d.tv_nsec >= 1000000000L) { d.tv_sec++; d.tv_nsec -= 1000000000L; }
  pthread_mutex_lock(&mu); int rc = 0;
  while (t->state != 2 && rc != ETIMEDOUT) rc = timeout > 0 ? pthread_cond_timedwait(&cv, &mu, &d) : pthread_cond_wait(&cv, &mu);
  int32_t r = t->state == 2 ? t->status : E_TIMEOUT; pthread_mutex_unlock(&mu);
  trace("WaitTaskDone timeout=%d -> %d", timeout, r);
  return r;
}
int32_t hbDNNReleaseTask(void *h) {
  TASK(h); trace("ReleaseTask state=%d", t->state);
  pthread_mutex_lock(&mu);
  if (t->state == 1) { t->cancel = 1; t->released = 1; }       /* finishes in the background, as documented */
  else {
    if (t->state == 0) { Task **pp = &queue; while (*pp && *pp != t) pp = &(*pp)->next; if (*pp) *pp = t->next; t->m->running--; }
    t->magic = 0; free(t); live_tasks--;
  }
  pthread_mutex_unlock(&mu); return OK;
}
