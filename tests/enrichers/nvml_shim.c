/* A stand-in for libnvidia-ml.so.1, so that the real ctypes bindings run on machines without a GPU.
 *
 * The state is the first word of the file named by RESPONDER_TEST_NVML_STATE, read at nvmlInit:
 * healthy lost ecc throttled mig mismatch nodriver hang. Two GPUs; what is special happens to GPU 1.
 * Constants and struct layouts are those of nvml.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int R;
typedef unsigned int u32;
typedef unsigned long long u64;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9, LOST = 15, MISMATCH = 18 };

static char state[32] = "healthy";
static int is(const char *name) { return strcmp(state, name) == 0; }

struct device { int index; };
static struct device devices[2] = {{0}, {1}};
typedef struct device *D;
static int gone(D d) { return is("lost") && d->index == 1; }
static int odd(D d) { return d->index == 1; }

R nvmlInit_v2(void) {
  const char *path = getenv("RESPONDER_TEST_NVML_STATE");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (file) { if (fscanf(file, "%31s", state) != 1) strcpy(state, "healthy"); fclose(file); }
  if (is("mismatch")) return MISMATCH;
  if (is("nodriver")) return DRIVER_NOT_LOADED;
  return OK;
}
R nvmlInitWithFlags(u32 flags) { (void)flags; return nvmlInit_v2(); }
R nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(R r) {
  switch (r) {
    case OK: return "The operation was successful";
    case NOT_SUPPORTED: return "Not Supported";
    case LOST: return "GPU is lost";
    case MISMATCH: return "RM has detected an NVML/RM version mismatch.";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    default: return "Unknown Error";
  }
}
R nvmlSystemGetDriverVersion(char *out, u32 n) { snprintf(out, n, "580.65.06"); return OK; }
R nvmlDeviceGetCount_v2(u32 *n) {
  if (is("hang")) for (;;) sleep(3600); /* a hung GSP: the call never returns */
  *n = 2;
  return OK;
}
R nvmlDeviceGetHandleByIndex_v2(u32 i, D *d) { if (i > 1) return INVALID; *d = &devices[i]; return gone(*d) ? LOST : OK; }
#define TEXT(name, format) R name(D d, char *out, u32 n) { if (gone(d)) return LOST; snprintf(out, n, format, d->index); return OK; }
#define NUMBER(name, value) R name(D d, u32 *out) { if (gone(d)) return LOST; *out = (value); return OK; }
TEXT(nvmlDeviceGetName, "NVIDIA H100 80GB HBM3%.0d")
TEXT(nvmlDeviceGetUUID, "GPU-00000000-0000-0000-0000-00000000000%d")
R nvmlDeviceGetSerial(D d, char *out, u32 n) { (void)d; (void)out; (void)n; return NO_PERMISSION; }
typedef struct { char legacy[16]; u32 domain, bus, device, pci, sub; char id[32]; } Pci;
R nvmlDeviceGetPciInfo_v3(D d, Pci *p) { memset(p, 0, sizeof *p); snprintf(p->id, 32, "00000000:%02X:00.0", 0x3b + d->index); return OK; }
typedef struct { u64 total, free, used; } Memory;
R nvmlDeviceGetMemoryInfo(D d, Memory *m) { if (gone(d)) return LOST; m->total = 85899345920ULL; m->used = 1073741824ULL; m->free = m->total - m->used; return OK; }
typedef struct { u32 gpu, memory; } Rates;
R nvmlDeviceGetUtilizationRates(D d, Rates *r) { (void)d; if (is("mig")) return NOT_SUPPORTED; r->gpu = 97; r->memory = 40; return OK; }
R nvmlDeviceGetTemperature(D d, u32 sensor, u32 *t) { (void)sensor; if (gone(d)) return LOST; *t = is("throttled") && odd(d) ? 91 : 55; return OK; }
R nvmlDeviceGetTemperatureThreshold(D d, u32 kind, u32 *t) { (void)d; *t = kind == 0 ? 95 : 90; return OK; }
NUMBER(nvmlDeviceGetPowerUsage, 412000)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, 700000)
R nvmlDeviceGetClockInfo(D d, u32 kind, u32 *mhz) { (void)kind; *mhz = is("throttled") && odd(d) ? 345 : 1980; return OK; }
R nvmlDeviceGetMaxClockInfo(D d, u32 kind, u32 *mhz) { (void)d; (void)kind; *mhz = 1980; return OK; }
static u64 reasons(D d) { return is("throttled") && odd(d) ? 0x40 | 0x8 : 0x0; }
R nvmlDeviceGetCurrentClocksEventReasons(D d, u64 *out) { *out = reasons(d); return OK; }
R nvmlDeviceGetCurrentClocksThrottleReasons(D d, u64 *out) { *out = reasons(d); return OK; }
R nvmlDeviceGetEccMode(D d, u32 *current, u32 *pending) { (void)d; *current = *pending = 1; return OK; }
R nvmlDeviceGetTotalEccErrors(D d, u32 kind, u32 counter, u64 *out) { (void)counter; *out = is("ecc") && odd(d) ? (kind == 1 ? 2 : 41) : 0; return OK; }
R nvmlDeviceGetRemappedRows(D d, u32 *corr, u32 *uncorr, u32 *pending, u32 *failure) {
  int bad = is("ecc") && odd(d);
  *corr = 0; *uncorr = bad ? 1 : 0; *pending = bad; *failure = 0;
  return OK;
}
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, 5)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, 5)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, is("ecc") && odd(d) ? 8 : 16)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, 16)
NUMBER(nvmlDeviceGetPcieReplayCounter, 0)
R nvmlDeviceGetNvLinkState(D d, u32 link, u32 *active) { if (link > 17) return INVALID; *active = !(is("ecc") && odd(d) && link == 4); return OK; }
R nvmlDeviceGetNvLinkErrorCounter(D d, u32 link, u32 counter, u64 *out) { (void)d; (void)counter; if (link > 17) return INVALID; *out = 0; return OK; }
R nvmlDeviceGetMigMode(D d, u32 *current, u32 *pending) { (void)d; *current = *pending = is("mig"); return OK; }
R nvmlDeviceGetComputeRunningProcesses_v3(D d, u32 *count, void *infos) { (void)d; (void)infos; *count = 0; return OK; }
typedef struct { u32 field, scope; long long at, latency; u32 type; R result; union { double d; u32 ui; unsigned long ul; u64 ull; long long ll; int si; } value; } Field;
R nvmlDeviceGetFieldValues(D d, int n, Field *f) {
  for (int i = 0; i < n; i++) { f[i].result = OK; f[i].type = 1; f[i].value.ui = is("ecc") && odd(d) ? 1 : 0; }
  return OK;
}
