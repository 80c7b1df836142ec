// Folders of the goldens of older tokenizer files, written out.
#ifndef HORIZON_LM_TESTS_TEXT_FOLDER_H_
#define HORIZON_LM_TESTS_TEXT_FOLDER_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace hlm {

using Json = nlohmann::ordered_json;

inline const Json& FolderGoldens() {
  static const Json goldens = [] {
    std::ifstream file("tests/text/goldens/folders.json");
    std::stringstream text;
    text << file.rdbuf();
    return Json::parse(text.str());
  }();
  return goldens;
}

inline std::string FromBase64(const std::string& text) {
  std::string bytes;
  uint32_t word = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0) break;
    word = word << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(word >> (bits -= 8) & 255);
  }
  return bytes;
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  ASSERT_TRUE(file.good()) << path;
}

// The bytes of one of the goldens' files.
inline std::string GoldenFile(const std::string& key) {
  const Json& file = FolderGoldens().at("files").at(key);
  return file.contains("text") ? file.at("text").get<std::string>() : FromBase64(file.at("base64").get<std::string>());
}

// An empty folder of this name.
inline std::string NewFolder(const std::string& name) {
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::string WriteGoldenFolder(const std::string& name) {
  const Json& golden = FolderGoldens().at("cases").at(name);
  const std::string folder = NewFolder("golden_" + name);
  for (const auto& [file, key] : golden.at("files").items()) WriteFile(folder + "/" + file, GoldenFile(key.get<std::string>()));
  for (const auto& [file, json] : golden.at("json").items()) WriteFile(folder + "/" + file, json.dump());
  return folder;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_TEXT_FOLDER_H_
