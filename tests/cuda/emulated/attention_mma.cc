#include "tests/cuda/emulated/block.h"

#include "core/cuda/attention_mma.cu"
