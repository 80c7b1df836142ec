#include "tests/dataset/support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/dataset/record_reader.h"

namespace hlm::dataset {

TestFiles::TestFiles() {
  std::string name = testing::TempDir() + "/dataset-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw Internal("no folder for the test");
  folder_ = name;
}

TestFiles::~TestFiles() { std::filesystem::remove_all(folder_); }

std::string TestFiles::Write(const std::string& name, std::string_view text) const {
  const std::string path = Path(name);
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  return path;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> ReadRecords(const std::string& path, int64_t most_bytes) {
  std::vector<std::string> records;
  try {
    RecordReader reader(path, most_bytes);
    Record record;
    while (reader.Next(&record)) {
      records.push_back(StrCat(record.line, ":", record.text));
      CheckRecordText(record.text, reader.Where(record.line));
    }
  } catch (const Error& error) {
    std::string message = error.message();
    const size_t folder = path.rfind('/') + 1;
    for (size_t at; (at = message.find(path)) != std::string::npos;) message.erase(at, folder);
    records.push_back("error: " + message);
  }
  return records;
}

}  // namespace hlm::dataset
