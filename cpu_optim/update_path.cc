// The two ways an update goes, and which forms each takes.
#include <oneapi/dnnl/dnnl.hpp>

#include "core/base/error.h"
#include "cpu_optim/optimizer.h"

namespace hlm {
namespace {

const char* IsaName(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    default:
      break;
  }
  return nullptr;
}

}  // namespace

const char* Name(UpdatePath path) { return path == UpdatePath::kOneDnn ? "onednn" : "fused"; }

bool Takes(UpdatePath path, Algorithm algorithm, StateType states, bool exact_master) {
  return path == UpdatePath::kFused || (algorithm == Algorithm::kAdamW && states == StateType::kF32 && exact_master);
}

// The fused loop has the same bits on every instruction set and with every version of its library; oneDNN generates its code, and
// promises that for neither. The numbers rise when operations or their order change.
std::string OptimizerPath(UpdatePath path) {
  if (path == UpdatePath::kFused) return "fused 1";
  const dnnl_version_t* version = dnnl_version();
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  const char* name = IsaName(isa);
  return StrCat("onednn 1, ", version->major, ".", version->minor, ".", version->patch, " ",
                name != nullptr ? std::string(name) : StrCat("isa ", static_cast<int>(isa)));
}

}  // namespace hlm
