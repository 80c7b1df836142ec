// A group by an engine of the caller's own, whose all-gather is a callback of the language: called once, on the calling thread, before
// anything waits for a device. What an error in it was the language's own layer keeps and raises; here it has only failed.
#ifndef HORIZON_LM_BINDINGS_SWIG_FLAT_GROUP_H_
#define HORIZON_LM_BINDINGS_SWIG_FLAT_GROUP_H_

#include "handles.h"

namespace hlm_bind {

class AllGather {
 public:
  // Fills `all` with every rank's bytes, of which `own` are this one's. False: it has failed.
  virtual bool Gather(const void* own, size_t n_own, void* all, size_t n_all) noexcept = 0;

 protected:
  ~AllGather() = default;
};

}  // namespace hlm_bind

typedef hlm_bind::AllGather hlm_all_gather;

static hlm_error* hlm_flat_group_from_callback(int64_t rank, int64_t size, hlm_all_gather* all_gather,
                                               const hlm_group_options* options, hlm_group** out_group) {
  struct Call {
    hlm_all_gather* gather;
    size_t size;
  } call = {all_gather, static_cast<size_t>(size)};
  const auto gather = [](void* user_data, const void* own, void* all, size_t n_bytes) -> int32_t {
    const auto* made = static_cast<const Call*>(user_data);
    return made->gather->Gather(own, n_bytes, all, n_bytes * made->size) ? 0 : 1;
  };
  return hlm_group_from_callback(rank, size, gather, &call, options, out_group);
}

#endif  // HORIZON_LM_BINDINGS_SWIG_FLAT_GROUP_H_
