#include "samples/horizon/base/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

namespace fs = std::filesystem;

// The folder that holds `path`, which need not exist.
fs::path ParentOf(const std::string& path) {
  fs::path clean = fs::path(path).lexically_normal();
  if (!clean.has_filename()) clean = clean.parent_path();  // "out/" is "out"
  return clean.has_parent_path() ? clean.parent_path() : fs::path(".");
}

void CheckParent(const std::string& path) {
  const fs::path parent = ParentOf(path);
  std::error_code failure;
  if (!fs::is_directory(parent, failure)) throw Error(path + ": its parent " + parent.string() + " is not a folder");
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    throw Error(path + ": its parent " + parent.string() + " cannot be written to: " + std::strerror(errno));
  }
}

// Whether there is a folder of this name; throws where it is something else.
bool FolderExists(const std::string& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status)) return false;
  if (!fs::is_directory(status)) throw Error(path + ": exists and is not a folder");
  return true;
}

int KeepOpen(std::FILE*) { return 0; }

}  // namespace

void CheckFolder(const std::string& folder) {
  if (!FolderExists(folder)) return CheckParent(folder);
  if (access(folder.c_str(), R_OK | W_OK | X_OK) != 0) throw Error(folder + ": cannot be written to: " + std::strerror(errno));
}

void CheckOutputFile(const std::string& path) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) throw Error(path + ": is a folder");
  if (access(path.c_str(), F_OK) != 0) return CheckParent(path);
  if (access(path.c_str(), W_OK) != 0) throw Error(path + ": cannot be written to: " + std::strerror(errno));
}

JsonLog::JsonLog(std::FILE* file, std::string path) : path_(std::move(path)), file_(file, KeepOpen) {}

JsonLog::JsonLog(const std::string& path) : path_(path), file_(nullptr, std::fclose) {
  if (path.empty()) return;
  file_.reset(std::fopen(path.c_str(), "we"));
  if (file_ == nullptr) throw Error(path + ": cannot be opened for writing: " + std::strerror(errno));
}

JsonLog::JsonLog(const std::string& path, int64_t last_step) : path_(path), file_(nullptr, std::fclose) {
  if (path.empty()) return;
  // Whole lines up to the step stay. A line that a crash cut short, or that is not ours, ends what can be kept.
  off_t kept = 0;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer() || object["step"] > last_step)
      break;
    kept += static_cast<off_t>(line.size()) + 1;
  }
  file.close();
  if (truncate(path.c_str(), kept) != 0 && errno != ENOENT) throw Error(path + ": cannot be cut back: " + std::strerror(errno));
  file_.reset(std::fopen(path.c_str(), "ae"));
  if (file_ == nullptr) throw Error(path + ": cannot be opened for writing: " + std::strerror(errno));
}

JsonLog JsonLog::ToStandardOutput() { return JsonLog(stdout, "standard output"); }

void JsonLog::Write(const nlohmann::ordered_json& object) {
  if (file_ == nullptr || first_errno_ != 0) return;
  const std::string line = object.dump() + "\n";
  errno = 0;
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0) {
    first_errno_ = errno != 0 ? errno : EIO;
  }
}

void JsonLog::Close() {
  if (first_errno_ != 0) throw Error(path_ + ": writing failed: " + std::strerror(first_errno_));
}

}  // namespace horizon
