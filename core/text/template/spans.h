// Half-open ranges of bytes of a text.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_SPANS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_SPANS_H_

#include <cstdint>

namespace hlm {

struct Span {
  int64_t begin = 0, end = 0;
  bool operator==(const Span&) const = default;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_SPANS_H_
