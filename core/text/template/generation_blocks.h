// What the {% generation %} tags of a template printed, by message.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_GENERATION_BLOCKS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_GENERATION_BLOCKS_H_

#include <cstdint>
#include <vector>

#include "core/text/template/spans.h"
#include "core/text/template/template.h"

namespace hlm {

struct GenerationBlock {
  Span span;
  int64_t message = -1;  // that it is of; -1: none that can be told
};

// In the order of the text. A block is of the message that its loop is at, or whose words it holds; one of neither kind is of the
// message of the block before it, where no other message's words stand between the two: templates print behind their loop what ends the
// text. Blocks of one message with nothing between them are one.
std::vector<GenerationBlock> GenerationBlocks(const jinja::Output& output);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_GENERATION_BLOCKS_H_
