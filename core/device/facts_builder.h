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

  // Also reads what tells them.
  FactsBuilder& Rows(const RowRange& range, const char* offsets);

  // Arrays that must be there, and those that may be null.
  void Reads(const char* what, const void* data, size_t bytes) { Add({data, bytes, false, what}, Whole(bytes), false, {}); }
  void MayRead(const char* what, const void* data, size_t bytes) { Add({data, bytes, false, what}, Whole(bytes), true, {}); }
  // `also`: arguments that may lie exactly where this one does.
  void Writes(const char* what, const void* data, size_t bytes, std::vector<const void*> also = {}) {
    Add({data, bytes, true, what}, Whole(bytes), false, std::move(also));
  }
  void MayWrite(const char* what, const void* data, size_t bytes, std::vector<const void*> also = {}) {
    Add({data, bytes, true, what}, Whole(bytes), true, std::move(also));
  }

  // The same for views of `rows` rows of `heads` heads of `width` elements.
  struct Lines {
    int64_t rows, heads, width;
    DType type;
  };
  void Reads(const char* what, const View& view, const Lines& lines);
  void MayRead(const char* what, const View& view, const Lines& lines);
  void Writes(const char* what, const MutableView& view, const Lines& lines, std::vector<const void*> also = {});

  // The end: work that is products, or bytes that are moved. Without a number: all ranges once.
  OpFacts Products(double flops);
  OpFacts Moves(double bytes);
  OpFacts Moves();

 private:
  // How the bytes of an access lie in it: `rows` rows, each of `heads` pieces of `width` bytes. One piece: all of it.
  struct Pattern {
    int64_t rows = 1, row = 0, heads = 1, head = 0, width = 0;
    bool operator==(const Pattern&) const = default;
  };
  static Pattern Whole(size_t bytes) { return {.width = static_cast<int64_t>(bytes)}; }
  void Add(const Access& access, const Pattern& pattern, bool optional, std::vector<const void*> also);
  void AddLines(const char* what, const View& view, const Lines& lines, bool write, bool optional, std::vector<const void*> also);
  void CheckOverlaps() const;
  bool Touch(size_t a, size_t b) const;  // some byte is in both

  OpFacts facts_;
  std::vector<Pattern> patterns_;               // by access
  std::vector<std::vector<const void*>> also_;  // by access
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_FACTS_BUILDER_H_
