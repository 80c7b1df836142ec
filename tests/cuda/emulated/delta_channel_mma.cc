#include "tests/cuda/emulated/block.h"

#include "core/cuda/views/delta_channel_mma.cu"
