// From bytes that are trained to tokens that are.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_MASK_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_MASK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/text/template/spans.h"

namespace hlm {

// One byte a token: 1 where it is trained. A token is, where its bytes overlap a trained span: from the one that holds a span's first
// byte to the one that holds its last, as Hugging Face counts. `tokens` hold each token's bytes in the text, rising (they may
// overlap, and be empty: such a token is not trained); `trained` are rising and apart.
std::vector<uint8_t> TokenMask(std::span<const Span> tokens, std::span<const Span> trained);

// The spans whose last trained token is not one of `is_added` (one byte a token), and those without any token (cut off): their
// indices. A turn whose end token is not learned never ends.
std::vector<size_t> SpansWithoutStop(std::span<const Span> tokens, std::span<const uint8_t> is_added,
                                     std::span<const Span> trained);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_MASK_H_
