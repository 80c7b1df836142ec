// The arguments of all operations.
#ifndef HORIZON_LM_CORE_DEVICE_ARGS_ALL_H_
#define HORIZON_LM_CORE_DEVICE_ARGS_ALL_H_

#include "core/device/args/activation.h"
#include "core/device/args/attention.h"
#include "core/device/args/cast.h"
#include "core/device/args/conv.h"
#include "core/device/args/embedding.h"
#include "core/device/args/experts.h"
#include "core/device/args/linear.h"
#include "core/device/args/loss.h"
#include "core/device/args/norm.h"
#include "core/device/args/recurrence.h"
#include "core/device/args/rotary.h"
#include "core/device/args/scan.h"

#endif  // HORIZON_LM_CORE_DEVICE_ARGS_ALL_H_
