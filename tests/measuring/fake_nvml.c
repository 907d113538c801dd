/* A libnvidia-ml.so.1 of two GPUs that does what the environment says:
 *   FAKE_NVML_INIT        what initialising returns (0: success)
 *   FAKE_NVML_USED        a file with the used bytes of every GPU, read at each call
 *   FAKE_NVML_LOST_AFTER  memory calls that succeed, after which the GPU is lost
 *   FAKE_NVML_NO_V2       the second version of the memory call returns this
 *   FAKE_NVML_LOST        index of a GPU that is lost from the start
 *   FAKE_NVML_REFUSE      memory of both versions, power, clocks and all else return this
 *   FAKE_NVML_HANG_AFTER  memory calls that return; the next one never does
 *   FAKE_NVML_HANG_INIT   initialising never returns
 *   FAKE_NVML_REASONS     bits of the event reasons
 *   FAKE_NVML_CLOCK_FALLS MHz by which the clock is lower at each call
 *   FAKE_NVML_PROCESSES   a file of "pid bytes", read at each call; -1 bytes: not available
 * The energy counter runs at 100 W.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2;
typedef struct { unsigned int pid; unsigned long long bytes; unsigned int gpu_instance, compute_instance; } process;

enum { NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, NUM_GPUS = 2 };
static const char *UUIDS[NUM_GPUS] = {
    "GPU-00000000-0000-0000-0000-00000000000a",
    "GPU-00000000-0000-0000-0000-00000000000b",
};
static const unsigned long long TOTAL = 8ULL << 30, RESERVED = 500ULL << 20;
static int num_reads, num_clocks;

static long number(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

static int refused(void) { return (int)number("FAKE_NVML_REFUSE", 0); }

static void hang(void) { for (;;) pause(); }

static int is_lost(void *device) { return (long)device - 1 == number("FAKE_NVML_LOST", -1) || num_reads > number("FAKE_NVML_LOST_AFTER", 1L << 30); }

static int read_used(void *device, unsigned long long *used) {
    const char *path = getenv("FAKE_NVML_USED");
    FILE *file = path ? fopen(path, "r") : NULL;
    *used = 0;
    if (num_reads >= number("FAKE_NVML_HANG_AFTER", 1L << 30)) hang();
    if (file) {
        if (fscanf(file, "%llu", used) != 1) *used = 0;
        fclose(file);
    }
    if (refused()) return refused();
    num_reads++;
    return is_lost(device) ? GPU_IS_LOST : 0;
}

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    num_reads = num_clocks = 0;
    if (number("FAKE_NVML_HANG_INIT", 0)) hang();
    return (int)number("FAKE_NVML_INIT", 0);
}

int nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "600.1");
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = NUM_GPUS;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = (void *)(long)(index + 1);
    return is_lost(*device) ? GPU_IS_LOST : 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    for (unsigned int index = 0; index < NUM_GPUS; index++)
        if (strcmp(strchr(uuid, '-'), strchr(UUIDS[index], '-')) == 0) /* GPU-... or MIG-... */
            return nvmlDeviceGetHandleByIndex_v2(index, device);
    return NOT_FOUND;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned int length) {
    snprintf(text, length, "%s", UUIDS[(long)device - 1]);
    return 0;
}

int nvmlDeviceGetName(void *device, char *text, unsigned int length) {
    snprintf(text, length, "Fake GPU %ld", (long)device - 1);
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, memory_v1 *info) {
    unsigned long long used;
    int result = read_used(device, &used);
    *info = (memory_v1){TOTAL, TOTAL - used - RESERVED, used + RESERVED};
    return result;
}

#ifndef WITHOUT_V2
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *info) {
    unsigned long long used;
    long refused = number("FAKE_NVML_NO_V2", 0);
    if (refused) return (int)refused;
    int result = read_used(device, &used);
    *info = (memory_v2){info->version, TOTAL, RESERVED, TOTAL - used - RESERVED, used};
    return result;
}
#endif

int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    *milliwatts = 250000;
    return is_lost(device) ? GPU_IS_LOST : refused();
}

int nvmlDeviceGetClockInfo(void *device, int type, unsigned int *megahertz) {
    (void)type;
    *megahertz = 1980 - (unsigned int)(num_clocks++ * number("FAKE_NVML_CLOCK_FALLS", 0));
    return is_lost(device) ? GPU_IS_LOST : refused();
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *celsius) {
    (void)sensor;
    *celsius = 61;
    return is_lost(device) ? GPU_IS_LOST : refused();
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned int *rates) {
    rates[0] = 75;
    rates[1] = 30;
    return is_lost(device) ? GPU_IS_LOST : refused();
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *millijoules = 100ULL * (1000ULL * (unsigned long long)now.tv_sec + (unsigned long long)now.tv_nsec / 1000000ULL);
    return is_lost(device) ? GPU_IS_LOST : refused();
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *bits) {
    *bits = (unsigned long long)number("FAKE_NVML_REASONS", 0);
    return is_lost(device) ? GPU_IS_LOST : refused();
}

static int list_processes(void *device, unsigned int *count, process *found) {
    const char *path = getenv("FAKE_NVML_PROCESSES");
    FILE *file = path ? fopen(path, "r") : NULL;
    unsigned int room = *count, number_of = 0;
    long pid, bytes;
    while (file && fscanf(file, "%ld %ld", &pid, &bytes) == 2) {
        if (found && number_of < room) found[number_of] = (process){(unsigned int)pid, (unsigned long long)bytes, 0, 0};
        number_of++;
    }
    if (file) fclose(file);
    *count = number_of;
    if (is_lost(device)) return GPU_IS_LOST;
    if (refused()) return refused();
    return number_of > room || (number_of && !found) ? INSUFFICIENT_SIZE : 0;
}

int nvmlDeviceGetComputeRunningProcesses_v2(void *device, unsigned int *count, process *found) {
    return list_processes(device, count, found);
}

#ifndef WITHOUT_V2
int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *bits) {
    return nvmlDeviceGetCurrentClocksThrottleReasons(device, bits);
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process *found) {
    return list_processes(device, count, found);
}
#endif
