#include "core/text/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/byte_level.h"
#include "core/text/tokenizer/unicode.h"

namespace hlm {
namespace {

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

Behavior ReadBehavior(const Component& component, const char* missing) {
  const std::string name = component.String("behavior", missing);
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  throw Unimplemented(component.where(), ": the behavior \"", Printable(name), "\" is not known");
}

// Collects the stretches of one piece, matches and what lies between, and makes pieces of them.
class Cutter {
 public:
  Cutter(Behavior behavior, std::vector<Piece>& out) : behavior_(behavior), out_(out) {}

  void BeginPiece() {
    first_ = out_.size();
    previous_ = false;
    pending_ = false;
  }
  void Add(uint32_t begin, uint32_t end, bool match) {
    switch (behavior_) {
      case Behavior::kIsolated:
        Put(begin, end);
        return;
      case Behavior::kRemoved:
        if (!match) Put(begin, end);
        return;
      case Behavior::kContiguous:
        if (match == previous_ && out_.size() > first_) {
          out_.back().end = end;
        } else {
          out_.push_back({begin, end});
        }
        break;
      case Behavior::kMergedWithPrevious:
        if (match && !previous_ && out_.size() > first_) {
          out_.back().end = end;
        } else {
          out_.push_back({begin, end});
        }
        break;
      case Behavior::kMergedWithNext:
        // A match goes to what follows it; of several in a row only the last does.
        if (pending_ && !match) {
          out_.back().end = end;
        } else {
          out_.push_back({begin, end});
        }
        pending_ = match;
        break;
    }
    previous_ = match;
  }
  void EndPiece() {
    out_.erase(std::remove_if(out_.begin() + static_cast<std::ptrdiff_t>(first_), out_.end(),
                              [](Piece piece) { return piece.begin == piece.end; }),
               out_.end());
  }

 private:
  void Put(uint32_t begin, uint32_t end) {
    if (begin < end) out_.push_back({begin, end});
  }

  Behavior behavior_;
  std::vector<Piece>& out_;
  size_t first_ = 0;
  bool previous_ = false, pending_ = false;
};

// Cuts each piece with stretches(text of the piece, found(begin, end, match)).
template <class Stretches>
void Cut(Pieces& pieces, Behavior behavior, const Stretches& stretches) {
  pieces.spare.clear();
  Cutter cutter(behavior, pieces.spare);
  for (const Piece piece : pieces.list) {
    cutter.BeginPiece();
    stretches(pieces.TextOf(piece), [&](size_t begin, size_t end, bool match) {
      cutter.Add(piece.begin + static_cast<uint32_t>(begin), piece.begin + static_cast<uint32_t>(end), match);
    });
    cutter.EndPiece();
  }
  std::swap(pieces.list, pieces.spare);
}

class Split final : public PreTokenizer {
 public:
  Split(Regex pattern, Behavior behavior, bool invert) : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void Apply(Pieces& pieces, bool, RegexScratch& scratch) const override {
    Cut(pieces, behavior_, [&](std::string_view text, const auto& found) {
      ForEachStretch(pattern_, text, scratch, [&](size_t begin, size_t end, bool match) { found(begin, end, match != invert_); });
    });
  }

 private:
  Regex pattern_;
  Behavior behavior_;
  bool invert_;
};

// Cuts at characters that is(c) tells; each is a match of its own.
template <class Is>
class SplitAtChars final : public PreTokenizer {
 public:
  SplitAtChars(Behavior behavior, Is is) : behavior_(behavior), is_(std::move(is)) {}
  void Apply(Pieces& pieces, bool, RegexScratch&) const override {
    Cut(pieces, behavior_, [&](std::string_view text, const auto& found) {
      size_t done = 0;
      for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        if (!is_(NextChar(text, at))) continue;
        if (done < begin) found(done, begin, false);
        found(begin, at, true);
        done = at;
      }
      if (done < text.size()) found(done, text.size(), false);
    });
  }

 private:
  Behavior behavior_;
  Is is_;
};
template <class Is>
std::unique_ptr<const PreTokenizer> AtChars(Behavior behavior, Is is) {
  return std::make_unique<SplitAtChars<Is>>(behavior, std::move(is));
}

// Words, and runs of what is neither word nor white space.
class Whitespace final : public PreTokenizer {
 public:
  void Apply(Pieces& pieces, bool, RegexScratch&) const override {
    const auto kind = [](char32_t c) { return IsWhiteSpace(c) ? 0 : IsWordChar(c) ? 1 : 2; };
    Cut(pieces, Behavior::kRemoved, [&](std::string_view text, const auto& found) {
      for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        const int first = kind(NextChar(text, at));
        while (at < text.size()) {
          size_t next = at;
          if (kind(NextChar(text, next)) != first) break;
          at = next;
        }
        found(begin, at, first == 0);
      }
    });
  }
};

// Changes each piece's text.
template <class Change>
void Rewrite(Pieces& pieces, bool offsets, const Change& change) {
  if (offsets) pieces.Track();
  pieces.Rewrite(change);
}

class AddPrefixSpace final : public PreTokenizer {
 public:
  void Apply(Pieces& pieces, bool offsets, RegexScratch&) const override {
    const auto wants = [&](Piece piece) { return pieces.text()[piece.begin] != ' '; };
    if (std::none_of(pieces.list.begin(), pieces.list.end(), wants)) return;
    Rewrite(pieces, offsets, [](const AlignedText& from, Origin, AlignedText& to) {
      if (from.text[0] == ' ') {
        to.Keep(from, 0, from.text.size());
      } else {
        to.Prepend(from, Utf8Length(from.text[0]), " ");
      }
    });
  }
};

// Bytes to their characters, where that is not the last step.
class MapBytes final : public PreTokenizer {
 public:
  void Apply(Pieces& pieces, bool offsets, RegexScratch&) const override {
    Rewrite(pieces, offsets, [](const AlignedText& from, Origin, AlignedText& to) {
      for (size_t i = 0; i < from.text.size(); ++i)
        to.Replace(from, i, i + 1, ByteLevelText(static_cast<unsigned char>(from.text[i])));
    });
  }
};

class Metaspace final : public PreTokenizer {
 public:
  enum class Scheme { kAlways, kFirst, kNever };
  Metaspace(std::string replacement, Scheme scheme, bool split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(split) {}

  void Apply(Pieces& pieces, bool offsets, RegexScratch&) const override {
    Rewrite(pieces, offsets, [&](const AlignedText& from, Origin origin, AlignedText& to) {
      const bool has = from.text[0] == ' ' || from.text.starts_with(replacement_);
      if (!has && (scheme_ == Scheme::kAlways || (scheme_ == Scheme::kFirst && origin.begin == 0))) {
        to.Replace(from, 0, Utf8Length(from.text[0]), replacement_);
      }
      for (size_t at = 0; at < from.text.size();) {
        const size_t space = std::min(from.text.find(' ', at), from.text.size());
        to.Keep(from, at, space);
        if (space < from.text.size()) to.Replace(from, space, space + 1, replacement_);
        at = space + 1;
      }
    });
    if (!split_) return;
    Cut(pieces, Behavior::kMergedWithNext, [&](std::string_view text, const auto& found) {
      size_t at = 0;
      while (at < text.size()) {
        const size_t next = text.find(replacement_, at);
        if (next == std::string_view::npos) break;
        if (at < next) found(at, next, false);
        at = next + replacement_.size();
        found(next, at, true);
      }
      if (at < text.size()) found(at, text.size(), false);
    });
  }

 private:
  std::string replacement_;
  Scheme scheme_;
  bool split_;
};

Metaspace::Scheme ReadScheme(const Component& component) {
  // The older spelling is add_prefix_space alone.
  const std::string name = component.String("prepend_scheme", component.Bool("add_prefix_space", true) ? "always" : "never");
  if (name == "always") return Metaspace::Scheme::kAlways;
  if (name == "first") return Metaspace::Scheme::kFirst;
  if (name == "never") return Metaspace::Scheme::kNever;
  throw Unimplemented(component.where(), ": the prepend_scheme \"", Printable(name), "\" is not known");
}

// GPT-2's pattern, built into ByteLevel.
constexpr const char* kByteLevelPattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void AddSteps(const Component& component, PreTokenizers& all) {
  const std::string& type = component.type();
  if (type != "Sequence" && all.byte_level) {
    all.byte_level = false;  // something comes behind the bytes' characters: they must be there
    all.steps.push_back(std::make_unique<MapBytes>());
  }
  const auto add = [&](std::unique_ptr<const PreTokenizer> step) { all.steps.push_back(std::move(step)); };
  if (type == "Sequence") {
    size_t i = 0;
    for (const JsonValue& part : component.Array("pretokenizers")) AddSteps(component.Of(part, StrCat("[", i++, "]")), all);
  } else if (type == "ByteLevel") {
    if (component.Bool("add_prefix_space")) add(std::make_unique<AddPrefixSpace>());
    if (component.Bool("use_regex", true)) add(std::make_unique<Split>(Regex(kByteLevelPattern), Behavior::kIsolated, false));
    all.byte_level = true;
  } else if (type == "Split") {
    add(std::make_unique<Split>(component.Pattern("pattern"), ReadBehavior(component, ""), component.Bool("invert", false)));
  } else if (type == "Metaspace") {
    const Metaspace::Scheme scheme = ReadScheme(component);
    add(std::make_unique<Metaspace>(component.OneChar("replacement"), scheme, component.Bool("split", true)));
    all.needs_origins |= scheme == Metaspace::Scheme::kFirst;
  } else if (type == "Whitespace") {
    add(std::make_unique<Whitespace>());
  } else if (type == "WhitespaceSplit") {
    add(AtChars(Behavior::kRemoved, IsWhiteSpace));
  } else if (type == "Digits") {
    add(AtChars(component.Bool("individual_digits", false) ? Behavior::kIsolated : Behavior::kContiguous, IsNumber));
  } else if (type == "Punctuation") {
    add(AtChars(ReadBehavior(component, "Isolated"), IsPunctuation));
  } else if (type == "CharDelimiterSplit") {
    const std::string delimiter = component.OneChar("delimiter");
    size_t at = 0;
    add(AtChars(Behavior::kRemoved, [c = NextChar(delimiter, at)](char32_t other) { return other == c; }));
  } else if (type == "BertPreTokenizer") {
    add(AtChars(Behavior::kRemoved, IsWhiteSpace));
    add(AtChars(Behavior::kIsolated, IsPunctuation));
  } else {
    component.Unknown("pre-tokenizer");
  }
}

}  // namespace

PreTokenizers MakePreTokenizers(const Component& component) {
  PreTokenizers all;
  AddSteps(component, all);
  return all;
}

}  // namespace hlm
