// The rate of host memory, measured.
#ifndef HORIZON_LM_CORE_MACHINE_HOST_RATE_H_
#define HORIZON_LM_CORE_MACHINE_HOST_RATE_H_

#include <string>

namespace hlm {

// Bytes a second that `threads` threads read and write in a plain loop over arrays that no cache holds. Takes 512 MiB and some
// tenths of a second.
double MeasureHostRate(int threads);

// The same from the calibration file, measured once for a key.
double CalibratedHostRate(const std::string& key, int threads);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MACHINE_HOST_RATE_H_
