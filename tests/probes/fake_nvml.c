/* A libnvidia-ml.so.1 of two GPUs that does what the environment says:
 *   FAKE_NVML_INIT        what initialising returns (0: success)
 *   FAKE_NVML_USED        a file with the used bytes of every GPU, read at each call
 *   FAKE_NVML_LOST_AFTER  memory calls that succeed, after which the GPU is lost
 *   FAKE_NVML_NO_V2       the second version of the memory call returns this
 *   FAKE_NVML_LOST        index of a GPU that is lost from the start
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2;

enum { NOT_FOUND = 6, GPU_IS_LOST = 15, NUM_GPUS = 2 };
static const char *UUIDS[NUM_GPUS] = {
    "GPU-00000000-0000-0000-0000-00000000000a",
    "GPU-00000000-0000-0000-0000-00000000000b",
};
static const unsigned long long TOTAL = 8ULL << 30, RESERVED = 500ULL << 20;
static int num_reads;

static long number(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

static int is_lost(void *device) { return (long)device - 1 == number("FAKE_NVML_LOST", -1); }

static int read_used(void *device, unsigned long long *used) {
    const char *path = getenv("FAKE_NVML_USED");
    FILE *file = path ? fopen(path, "r") : NULL;
    *used = 0;
    if (file) {
        if (fscanf(file, "%llu", used) != 1) *used = 0;
        fclose(file);
    }
    return is_lost(device) || num_reads++ >= number("FAKE_NVML_LOST_AFTER", 1L << 30) ? GPU_IS_LOST : 0;
}

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    num_reads = 0;
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
        if (strcmp(uuid, UUIDS[index]) == 0) return nvmlDeviceGetHandleByIndex_v2(index, device);
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
