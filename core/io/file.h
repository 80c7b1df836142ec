// Files as the library needs them: every result checked, every failure an Error that names the path, positions instead of a
// cursor.
#ifndef HORIZON_LM_CORE_IO_FILE_H_
#define HORIZON_LM_CORE_IO_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace hlm {

// The Error for a failed system call: "cannot <verb> <path>: <reason>". Full disks, quotas and exhausted tables are
// RESOURCE_EXHAUSTED, what does not exist is NOT_FOUND, what may not be touched FAILED_PRECONDITION, damaged media DATA_LOSS.
Error FileError(int error_number, const char* verb, const std::string& path);

// A regular file that is open for reading. Reads carry their position, so threads may share one.
class InputFile {
 public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // when it was opened
  // DATA_LOSS where the file ends first.
  void ReadAt(int64_t offset, void* to, size_t bytes) const;

 private:
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// A new file; an existing one is an error. It is on the medium only after Finish.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();  // closes; what was not finished may be lost
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::string& path() const { return path_; }
  void Append(const void* data, size_t bytes);
  // Asks the system to begin writing what was appended to the medium; only advice.
  void StartWriteBack();
  void Finish();  // fsync and close

 private:
  std::string path_;
  int fd_ = -1;
};

// The whole file; INVALID_ARGUMENT where it is longer than `most_bytes`.
std::string ReadSmallFile(const std::string& path, int64_t most_bytes);

// The names of what a folder holds, sorted. (libstdc++'s directory_iterator ends the process where memory runs out.)
std::vector<std::string> ListFolder(const std::string& path);

// Makes a folder and its entry durable; fine where it exists. Its parent must.
void MakeFolder(const std::string& path);

bool IsFolder(const std::string& path);

// A regular file, or a link to one.
bool IsRegularFile(const std::string& path);

// Copies a regular file's bytes to a new file and syncs it.
void CopyFile(const std::string& from, const std::string& to);

// Makes the entries of a folder (created, renamed) durable.
void SyncFolder(const std::string& path);

// rename(2).
void Rename(const std::string& from, const std::string& to);

namespace internal {
// For tests: called before each operation on a file with its verb ("open", "read", "write", "sync", "close", "rename", "create")
// and path; an errno that is not 0 makes the operation fail with it. nullptr switches it off.
using FileFault = int (*)(const char* verb, const char* path);
void SetFileFault(FileFault fault);
int InjectedFault(const char* verb, const std::string& path);
}  // namespace internal

}  // namespace hlm

#endif  // HORIZON_LM_CORE_IO_FILE_H_
