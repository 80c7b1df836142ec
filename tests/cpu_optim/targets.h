// The instruction sets that this processor has, and running with one of them.
#ifndef HORIZON_LM_TESTS_CPU_OPTIM_TARGETS_H_
#define HORIZON_LM_TESTS_CPU_OPTIM_TARGETS_H_

#include <hwy/targets.h>

#include <cstdint>
#include <vector>

namespace hlm {

inline std::vector<int64_t> SupportedTargets() {
  std::vector<int64_t> targets = {HWY_SCALAR};
  for (int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    if (target != HWY_SCALAR && target != HWY_EMU128) targets.push_back(target);
  }
  return targets;
}

// While it lives, kernels are those of this target; 0: the best.
class WithTarget {
 public:
  explicit WithTarget(int64_t target) { Choose(target); }
  ~WithTarget() { Choose(0); }
  WithTarget(const WithTarget&) = delete;
  WithTarget& operator=(const WithTarget&) = delete;

 private:
  static void Choose(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_CPU_OPTIM_TARGETS_H_
