#include "tests/cuda/emulated/block.h"

#include "core/cuda/views/block_linear_any.cu"
