// XXH3 (64 bits) of bytes that come piece by piece.
#ifndef HORIZON_LM_CORE_SAVE_CHECKSUM_H_
#define HORIZON_LM_CORE_SAVE_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hlm {

class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void Add(const void* data, size_t bytes);
  uint64_t Get() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

uint64_t ChecksumOf(std::string_view text);

// 16 hexadecimal digits, and back; nothing for any other text.
std::string ChecksumText(uint64_t sum);
std::optional<uint64_t> ParseChecksum(std::string_view text);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_SAVE_CHECKSUM_H_
