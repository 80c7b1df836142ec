#include "tests/cuda/emulated/block.h"

#include "core/cuda/views/selective_scan_any.cu"
