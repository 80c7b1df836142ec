// Every case on a GPU. Where there is none the tests skip; they fail if HLM_REQUIRE_GPU is set.
#include <cstdlib>

#include "core/base/error.h"
#include "core/device/load_plugin.h"
#include "tests/ops/modes.h"

namespace hlm::ops_test {
namespace {

struct Gpu {
  Rig* rig = nullptr;  // never freed: the order in which statics and the CUDA runtime end is not ours
  std::string why_not;
  Gpu() {
    try {
      CudaPlugin().Describe(0);
      rig = new Rig(CudaPlugin().Create(0, {}), size_t{256} << 20);
    } catch (const Error& error) {
      if (error.code() != Code::kUnavailable) throw;
      why_not = error.message();
    }
  }
};
Gpu& TheGpu() {
  static Gpu gpu;
  return gpu;
}

}  // namespace

Rig* TheRig() { return TheGpu().rig; }
std::string NoRig() { return TheGpu().why_not; }

TEST(Gpu, IsThereWhereItMustBe) {
  const char* required = std::getenv("HLM_REQUIRE_GPU");
  if (required != nullptr && *required != '\0') {
    EXPECT_NE(TheRig(), nullptr) << NoRig();
  }
}

}  // namespace hlm::ops_test
