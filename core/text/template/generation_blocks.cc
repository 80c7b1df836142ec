#include "core/text/template/generation_blocks.h"

#include "core/text/template/proof.h"

namespace hlm {
namespace {

using jinja::Origin;
using jinja::Run;

struct Part {
  GenerationBlock block;
  uint32_t generation;
  bool follows;  // no other message's words stand between it and the part before
};

std::vector<Part> PartsOf(const jinja::Output& output) {
  std::vector<Part> parts;
  bool follows = false;
  ForEachRun(output.text, [&](int64_t begin, int64_t end, const Run& run) {
    const bool of_message = run.source.origin() == Origin::kMessage;
    if (run.generation == 0) {
      const bool words = of_message && run.source.field() != jinja::Field::kRole;
      follows = follows && (!words || run.source.message() == parts.back().block.message);
      return;
    }
    if (parts.empty() || parts.back().generation != run.generation || parts.back().block.span.end != begin) {
      parts.push_back({{{begin, end}, output.generations[run.generation - 1]}, run.generation, follows});
    }
    GenerationBlock& block = parts.back().block;
    block.span.end = end;
    if (block.message < 0 && of_message) block.message = run.source.message();
    follows = true;
  });
  return parts;
}

}  // namespace

std::vector<GenerationBlock> GenerationBlocks(const jinja::Output& output) {
  std::vector<GenerationBlock> blocks;
  for (auto& [block, generation, follows] : PartsOf(output)) {
    if (block.message < 0 && follows) block.message = blocks.back().message;
    if (!blocks.empty() && blocks.back().message == block.message && blocks.back().span.end == block.span.begin) {
      blocks.back().span.end = block.span.end;
    } else {
      blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace hlm
