// FactsBuilder: the checks and the ranges of one call, argument after argument.
//
//   FactsBuilder facts("Linear");
//   facts.Type(a.type).Sizes({a.tokens, a.in, a.out});
//   facts.Reads("Linear.x", a.x, Elements(a.tokens * a.in, a.type));
//   facts.Writes("Linear.y", a.y, Elements(a.tokens * a.out, a.y_type), {a.addend});  // may lie exactly where addend lies
//   return facts.Products(flops);
#ifndef HORIZON_LM_CORE_DEVICE_FACTS_BUILDER_H_
#define HORIZON_LM_CORE_DEVICE_FACTS_BUILDER_H_

#include <initializer_list>
#include <vector>

#include "core/base/error.h"
#include "core/device/facts.h"

namespace hlm {

inline size_t Elements(int64_t n, DType type) { return static_cast<size_t>(n) * SizeOf(type); }
inline size_t Floats(int64_t n) { return static_cast<size_t>(n) * sizeof(float); }
inline size_t Ints(int64_t n) { return static_cast<size_t>(n) * sizeof(int32_t); }

class FactsBuilder {
 public:
  explicit FactsBuilder(const char* operation) { facts_.operation = operation; }

  const char* operation() const { return facts_.operation; }
  FactsBuilder& Type(DType type);
  FactsBuilder& Sizes(std::initializer_list<int64_t> sizes);
  FactsBuilder& Heads(int64_t heads, int64_t kv_heads);
  // Also reads their offsets.
  FactsBuilder& Docs(const Documents& documents, int64_t tokens, const char* offsets, const char* host_offsets);

  // Arrays that must be there, and those that may be null.
  void Reads(const char* what, const void* data, size_t bytes) { Add(what, data, bytes, false, false, {}); }
  void MayRead(const char* what, const void* data, size_t bytes) { Add(what, data, bytes, false, true, {}); }
  // `also`: arguments that may lie exactly where this one does.
  void Writes(const char* what, const void* data, size_t bytes, std::vector<const void*> also = {}) {
    Add(what, data, bytes, true, false, std::move(also));
  }
  void MayWrite(const char* what, const void* data, size_t bytes, std::vector<const void*> also = {}) {
    Add(what, data, bytes, true, true, std::move(also));
  }

  // The end: work that is products, or bytes that are moved. Without a number: all ranges once.
  OpFacts Products(double flops);
  OpFacts Moves(double bytes);
  OpFacts Moves();

 private:
  void Add(const char* what, const void* data, size_t bytes, bool write, bool optional, std::vector<const void*> also);
  void CheckOverlaps() const;

  OpFacts facts_;
  std::vector<std::vector<const void*>> also_;  // by access
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_FACTS_BUILDER_H_
