// The functions of NCCL that a link needs, of the libnccl.so.2 of this machine: found when the first link is made, so that nobody else
// needs it.
#ifndef HORIZON_LM_CORE_NCCL_NCCL_API_H_
#define HORIZON_LM_CORE_NCCL_NCCL_API_H_

#include <nccl.h>

namespace hlm {

struct NcclApi {
  decltype(&ncclGetUniqueId) GetUniqueId;
  decltype(&ncclCommInitRankConfig) CommInitRankConfig;
  decltype(&ncclCommGetAsyncError) CommGetAsyncError;
  decltype(&ncclCommAbort) CommAbort;
  decltype(&ncclSend) Send;
  decltype(&ncclRecv) Recv;
  decltype(&ncclGroupStart) GroupStart;
  decltype(&ncclGroupEnd) GroupEnd;
  decltype(&ncclGetErrorString) GetErrorString;
  decltype(&ncclGetLastError) GetLastError;
};

// Throws UNAVAILABLE: no such library, or one that is too old.
const NcclApi& Nccl();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_NCCL_NCCL_API_H_
