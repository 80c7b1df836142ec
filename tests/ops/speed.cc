// The third mode of the operations' cases: rates, on the CPU device or a GPU. Arguments: cpu or cuda, tokens, part of a name.
#include <cstdio>
#include <cstdlib>

#include "core/cpu/cpu_device.h"
#include "core/device/load_plugin.h"
#include "tests/ops/op_case.h"

int main(int argc, char** argv) {
  const std::string device = argc > 1 ? argv[1] : "", part = argc > 3 ? argv[3] : "";
  const long tokens = argc > 2 ? std::atol(argv[2]) : 1024;
  if ((device != "cpu" && device != "cuda") || tokens < 1) {
    std::fprintf(stderr, "usage: %s cpu|cuda [TOKENS [PART OF A NAME]]\n", argv[0]);
    return 2;
  }
  try {
    hlm::ops_test::Rig rig(device == "cpu" ? hlm::CreateCpuDevice({}) : hlm::CudaPlugin().Create(0, {}), size_t{3} << 30);
    for (const hlm::ops_test::OpCase& c : hlm::ops_test::SpeedCases(static_cast<size_t>(tokens), part))
      hlm::ops_test::PrintSpeed(rig, c);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
