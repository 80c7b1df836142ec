// Files for the data set tests.
#ifndef HORIZON_LM_TESTS_DATASET_SUPPORT_H_
#define HORIZON_LM_TESTS_DATASET_SUPPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/text/dataset/example.h"
#include "core/text/dataset/pipeline.h"

namespace hlm::dataset {

// A folder of its own, removed with everything in it.
class TestFiles {
 public:
  TestFiles();
  ~TestFiles();
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;

  const std::string& folder() const { return folder_; }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  // Writes a file and returns its path.
  std::string Write(const std::string& name, std::string_view text) const;

 private:
  std::string folder_;
};

std::string ReadAll(const std::string& path);

// "line:text" of each record; an error ends the list as "error: ..." with the folder's name taken out.
std::vector<std::string> ReadRecords(const std::string& path, int64_t most_bytes);

// An example as one line of JSON: its kind and what it holds.
std::string Show(const Example& example);

// A tokenizer and a template that can be followed by eye. A token is a byte; text is begun by 256 where special tokens are asked
// for, and ended by 257. A message is "<role>content;" with its tools as "{name}" behind the role; an answer's content and ";"
// are trained. The prompt of a generation ends in "<assistant>".
TextPipeline PlainPipeline();

// The ids as text, "^" for 256 and "$" for 257; and below it what is trained: "x", else ".".
std::string ShowTokens(const std::vector<int32_t>& ids, const std::vector<uint8_t>& trained);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_TESTS_DATASET_SUPPORT_H_
