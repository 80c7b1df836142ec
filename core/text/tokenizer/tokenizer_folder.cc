#include "core/text/tokenizer/tokenizer_folder.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/sentencepiece_file.h"

namespace hlm {
namespace {

constexpr int64_t kLargestFile = int64_t{512} << 20;
constexpr size_t kMostNames = 1000;  // of a folder, when looking for what else there is

std::string FolderOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

std::string NameOf(const std::string& file) { return file.substr(file.rfind('/') + 1); }

bool BeginsAsSentencePiece(const std::string& path) {
  const InputFile file(path);
  char first = 0;
  if (file.size() > 0) file.ReadAt(0, &first, 1);
  return LooksLikeSentencePiece(std::string_view(&first, 1));
}

// Beside models of SentencePiece, ranks of tiktoken and code.
constexpr std::string_view kOthers[] = {"tekken.json",  "vocab.json", "merges.txt", "vocab.txt",
                                        "encoder.json", "vocab.bpe",  "bpe.codes"};

// What of a folder a tokenizer could be made of, but is not here.
std::vector<std::string> OtherFiles(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    const bool python = name.starts_with("tokenization_") && name.ends_with(".py");
    const bool model = name.ends_with(".model") || name.starts_with("tokenizer.model");  // Mistral's tokenizer.model.v3
    if (model || python || std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers) ||
        name.ends_with(".tiktoken") || name.ends_with(".spm") || name.ends_with(".gguf")) {
      found.push_back(name);
    }
  }
  return found;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 5; ++i) text += (i == 0 ? "" : ", ") + Printable(names[i]);
  return names.size() > 5 ? text + ", ..." : text;
}

[[noreturn]] void NotThere(const std::string& folder) {
  const std::string where =
      PrintablePath(folder) +
      ": there is no tokenizer.json, no tokenizer.model of SentencePiece, and no vocab.json with merges.txt";
  if (!IsFolder(folder)) throw NotFound(where);
  std::vector<std::string> names = ListFolder(folder);
  if (names.size() > kMostNames) names.resize(kMostNames);
  for (const std::string& name : names) {
    const std::string inner = folder + "/" + name;
    if (IsFolder(inner) && HasTokenizer(inner)) {
      throw NotFound(where, "; its folder ", Printable(name), " has one: give ", PrintablePath(inner), " as the tokenizer");
    }
  }
  const std::vector<std::string> others = OtherFiles(names);
  if (others.empty()) throw NotFound(where);
  throw NotFound(where, "; what there is (", Listed(others), ") is not read", HowToConvert(folder));
}

}  // namespace

bool HasTokenizer(const std::string& folder) {
  const std::string model = folder + "/tokenizer.model";
  return IsRegularFile(folder + "/tokenizer.json") || (IsRegularFile(model) && BeginsAsSentencePiece(model)) ||
         (IsRegularFile(folder + "/vocab.json") && IsRegularFile(folder + "/merges.txt"));
}

std::string HowToConvert(const std::string& folder) {
  const std::string path = PrintablePath(folder);
  return StrCat(
      "; transformers makes a tokenizer.json of it: python3 -c \"from transformers import AutoTokenizer; "
      "AutoTokenizer.from_pretrained('",
      path, "').save_pretrained('", path, "')\"");
}

TokenizerFiles FindTokenizer(const std::string& path) {
  using Kind = TokenizerFiles::Kind;
  if (IsRegularFile(path)) {
    const std::string folder = FolderOf(path), name = NameOf(path);
    if (name == "merges.txt" || (name == "vocab.json" && IsRegularFile(folder + "/merges.txt"))) {
      if (!IsRegularFile(folder + "/vocab.json")) NotThere(folder);
      return {Kind::kByteLevel, folder + "/vocab.json", folder};
    }
    if (!name.ends_with(".json") && BeginsAsSentencePiece(path)) return {Kind::kSentencePiece, path, folder};
    if (name.ends_with(".model") || name.ends_with(".tiktoken") || name == "tekken.json") {
      throw Unimplemented(PrintablePath(path), ": no tokenizer.json, and no model of SentencePiece", HowToConvert(folder));
    }
    return {Kind::kJson, path, folder};
  }
  if (IsRegularFile(path + "/tokenizer.json")) return {Kind::kJson, path + "/tokenizer.json", path};
  const std::string model = path + "/tokenizer.model";
  if (IsRegularFile(model) && BeginsAsSentencePiece(model)) return {Kind::kSentencePiece, model, path};
  const std::string vocab = path + "/vocab.json";
  if (IsRegularFile(vocab) && IsRegularFile(path + "/merges.txt")) return {Kind::kByteLevel, vocab, path};
  NotThere(path);
}

ConvertedTokenizer ConvertFiles(const TokenizerFiles& files) {
  const FolderSettings settings = FolderSettings::Read(files.folder);
  const std::string text = ReadSmallFile(files.file, kLargestFile);
  try {
    if (files.kind == TokenizerFiles::Kind::kSentencePiece) {
      return ConvertSentencePiece(ReadSentencePieceFile(text, PrintablePath(files.file)), settings);
    }
    const std::string merges = files.folder + "/merges.txt";
    return ConvertByteLevel(text, PrintablePath(files.file), ReadSmallFile(merges, kLargestFile), PrintablePath(merges),
                            settings);
  } catch (const Error& error) {
    if (error.code() != Code::kUnimplemented) throw;
    throw Unimplemented(error.message(), HowToConvert(files.folder));
  }
}

}  // namespace hlm
