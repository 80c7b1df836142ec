#include "core/model/folder_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

constexpr int kMostDepth = 4;  // of sub-folders

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}
bool BeginsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

template <size_t n>
bool IsOneOf(std::string_view name, const char* const (&names)[n]) {
  return std::any_of(names, names + n, [&](const char* one) { return name == one; });
}

std::string_view LastName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Weights in any format, their indices, and the configuration: what a saved folder has its own of, or must not have.
bool IsReplaced(std::string_view as_written) {
  const std::string name = AsciiLower(as_written);
  if (name == "config.json") return true;
  for (const char* suffix :
       {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5",
        ".h5.index.json", ".msgpack", ".msgpack.index.json", ".onnx", ".onnx_data", ".ot", ".tflite"}) {
    if (EndsWith(name, suffix)) return true;
  }
  return false;
}

// "model-00001-of-00009.safetensors" and the like.
bool IsOwnShard(std::string_view name) {
  const auto digits = [&](size_t at, size_t n) {
    return n >= 5 &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(at), name.begin() + static_cast<std::ptrdiff_t>(at + n),
                       [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  if (!BeginsWith(name, "model-") || !EndsWith(name, ".safetensors")) return false;
  const size_t of = name.find("-of-"), end = name.size() - std::strlen(".safetensors");
  return of != std::string_view::npos && of > 6 && of + 4 < end && digits(6, of - 6) && digits(of + 4, end - of - 4);
}

// A file that a save writes whatever the model came from.
bool IsOwnFile(std::string_view path) {
  static constexpr const char* kNames[] = {"config.json", "generation_config.json", "model.safetensors",
                                           "model.safetensors.index.json"};
  const std::string_view name = LastName(path);
  if (IsTokenizerFile(name) || IsTemplateFile(path)) return true;
  return name.size() == path.size() && (IsOneOf(name, kNames) || IsOwnShard(name));
}

void Collect(const std::string& folder, const std::string& prefix, int depth, std::vector<std::string>& paths) {
  for (const std::string& name : ListFolder(folder)) {
    const std::string from = folder + "/" + name, path = prefix + name;
    if (IsRegularFile(from)) {
      const bool carried = prefix.empty() ? !IsReplaced(name) : IsTokenizerFile(name) || IsTemplateFile(path);
      if (carried) paths.push_back(path);
    } else if (name.front() != '.' && depth < kMostDepth && IsFolder(from) && !IsRegularFile(from + "/config.json")) {
      Collect(from, path + "/", depth + 1, paths);
    }
  }
}

// Both are regular files with the same bytes.
bool SameBytes(const std::string& one, const std::string& other) {
  const InputFile a(one), b(other);
  if (a.size() != b.size()) return false;
  std::vector<char> left(size_t{1} << 20), right(left.size());
  for (int64_t at = 0; at < a.size();) {
    const auto bytes = static_cast<size_t>(std::min<int64_t>(a.size() - at, static_cast<int64_t>(left.size())));
    a.ReadAt(at, left.data(), bytes);
    b.ReadAt(at, right.data(), bytes);
    if (std::memcmp(left.data(), right.data(), bytes) != 0) return false;
    at += static_cast<int64_t>(bytes);
  }
  return true;
}

class SavedFiles {
 public:
  SavedFiles(const std::string& folder, const std::string& source) : folder_(folder), source_(source) {
    if (!source.empty() && IsFolder(source)) carried_ = CarriedPaths(source);
  }

  void Check() const { Check("", 0); }

 private:
  [[noreturn]] void Refuse(const std::string& path) const {
    throw FailedPrecondition(PrintablePath(folder_), ": holds ", PrintablePath(path),
                             ", which is none of a saved model's files: a folder is replaced only where it has nothing else");
  }

  void Check(const std::string& prefix, int depth) const {
    for (const std::string& name : ListFolder(folder_ + (prefix.empty() ? "" : "/" + prefix))) {
      const std::string path = prefix.empty() ? name : prefix + "/" + name;
      struct stat status;
      if (lstat((folder_ + "/" + path).c_str(), &status) != 0) continue;  // gone in the meantime
      if (S_ISDIR(status.st_mode) && depth < kMostDepth) {
        if (ListFolder(folder_ + "/" + path).empty()) Refuse(path);
        Check(path, depth + 1);
      } else if (S_ISDIR(status.st_mode) || !IsFileOfASave(path)) {
        Refuse(path);
      }
    }
  }

  bool IsFileOfASave(const std::string& path) const {
    if (IsOwnFile(path)) return true;
    return std::binary_search(carried_.begin(), carried_.end(), path) && IsRegularFile(folder_ + "/" + path) &&
           SameBytes(folder_ + "/" + path, source_ + "/" + path);
  }

  const std::string& folder_;
  const std::string& source_;
  std::vector<std::string> carried_;
};

}  // namespace

bool IsTokenizerFile(std::string_view name) {
  static constexpr const char* kNames[] = {"tokenizer.json",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.json",
                                           "vocab.txt",
                                           "merges.txt",
                                           "bpe.codes",
                                           "tokenizer.model",
                                           "tokenizer.model.v3",
                                           "spiece.model",
                                           "spm.model",
                                           "source.spm",
                                           "target.spm",
                                           "sentencepiece.bpe.model",
                                           "sentencepiece.model",
                                           "tekken.json",
                                           "normalizer.json",
                                           "tiktoken.model",
                                           "tokenizer.tiktoken"};
  return IsOneOf(name, kNames) || EndsWith(name, ".tiktoken");
}

bool IsTemplateFile(std::string_view path) {
  const std::string_view name = LastName(path);
  if (name == "chat_template.jinja" || name == "chat_template.json") return true;
  if (name.size() == path.size() || !EndsWith(name, ".jinja")) return false;
  return LastName(path.substr(0, path.size() - name.size() - 1)) == kAdditionalTemplates;
}

std::vector<std::string> CarriedPaths(const std::string& folder) {
  std::vector<std::string> paths;
  Collect(folder, "", 0, paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

void CheckOnlySavedFiles(const std::string& folder, const std::string& source) {
  const SavedFiles files(folder, source);
  files.Check();
  if (!IsRegularFile(folder + "/config.json")) {
    throw FailedPrecondition(PrintablePath(folder), ": has no config.json, so it is no saved model's folder and is not replaced");
  }
}

}  // namespace hlm
