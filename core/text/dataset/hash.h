// Hashes of contents: XXH3 (xxHash 0.8, by Y. Collet), the same on every machine.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_HASH_H_
#define HORIZON_LM_CORE_TEXT_DATASET_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hlm::dataset {

uint64_t Hash64(std::string_view bytes);

// 16 or 32 hexadecimal digits.
std::string Hex(uint64_t value);

// Of many pieces, one behind the other.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Add(const void* bytes, size_t n);
  // With its length before it: texts that follow each other cannot be mistaken for others with the same bytes.
  void AddText(std::string_view text);
  void AddNumber(int64_t number) { Add(&number, sizeof(number)); }
  uint64_t Digest() const;        // 64 bits
  std::string DigestHex() const;  // 128 bits

 private:
  void* state_;
};

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_HASH_H_
