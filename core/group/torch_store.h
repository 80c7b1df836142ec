// TorchStore: a client of the key-value server that torchrun keeps at MASTER_ADDR:MASTER_PORT. Where torchrun holds that port itself, rank 0
// listens on another and tells the others by this server.
#ifndef HORIZON_LM_CORE_GROUP_TORCH_STORE_H_
#define HORIZON_LM_CORE_GROUP_TORCH_STORE_H_

#include <string>

#include "core/group/socket.h"

namespace hlm {

class TorchStore {
 public:
  // Throws UNAVAILABLE naming the address, as all calls.
  TorchStore(const HostPort& at, double deadline);  // on SteadySeconds' clock
  void Set(const std::string& key, const std::string& value);
  std::string Get(const std::string& key);  // waits for it

 private:
  void Send(const std::string& bytes);
  std::string Receive(size_t bytes);

  const std::string where_;
  const double deadline_;
  Socket socket_;
  std::string inbox_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_TORCH_STORE_H_
