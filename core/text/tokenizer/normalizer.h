// Normalizers of tokenizer.json: what a text is made into before it is cut.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_NORMALIZER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_NORMALIZER_H_

#include <memory>
#include <string_view>

#include "core/text/tokenizer/aligned_text.h"
#include "core/text/tokenizer/component.h"
#include "core/text/tokenizer/regex.h"

namespace hlm {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Changes `text`; `spare` is memory to do it in. May be called from several threads with different texts.
  virtual void Apply(AlignedText& text, AlignedText& spare, RegexScratch& scratch) const = 0;
  // True where it surely leaves this text alone.
  virtual bool Leaves(std::string_view text) const = 0;
};

// Throws UNIMPLEMENTED naming a type that is not known.
std::unique_ptr<const Normalizer> MakeNormalizer(const Component& component);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_NORMALIZER_H_
