#include "tests/cuda/emulated/block.h"

#include "core/cuda/views/gated_recurrence_any.cu"
