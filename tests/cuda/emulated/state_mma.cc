#include "tests/cuda/emulated/block.h"

#include "core/cuda/views/state_mma.cu"
