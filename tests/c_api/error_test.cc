// Errors and strings: NULL is legal wherever the header says so.
#include <string>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

TEST(Error, NullIsSuccess) {
  EXPECT_EQ(hlm_error_code(nullptr), HLM_OK);
  EXPECT_STREQ(hlm_error_message(nullptr), "");
  hlm_error_destroy(nullptr);
  hlm_string_destroy(nullptr);
}

TEST(Error, CodesHaveNames) {
  EXPECT_STREQ(hlm_code_name(HLM_OK), "OK");
  EXPECT_STREQ(hlm_code_name(HLM_INVALID_ARGUMENT), "INVALID_ARGUMENT");
  EXPECT_STREQ(hlm_code_name(HLM_DATA_LOSS), "DATA_LOSS");
  EXPECT_STREQ(hlm_code_name(HLM_UNAVAILABLE), "UNAVAILABLE");
  for (const int32_t unknown : {2, 7, 10, 16, -1, INT32_MIN, INT32_MAX}) EXPECT_STREQ(hlm_code_name(unknown), "UNKNOWN");
}

TEST(Error, VersionsAgree) {
  EXPECT_STREQ(hlm_version(), HLM_VERSION);
  EXPECT_EQ(std::to_string(HLM_VERSION_MAJOR) + "." + std::to_string(HLM_VERSION_MINOR) + "." + std::to_string(HLM_VERSION_PATCH),
            hlm_version());
}

TEST(Error, MessagesAreOneLineWhateverTheCallerPassed) {
  hlm_model* model = nullptr;
  ExpectError(hlm_model_open("/nowhere/line one\nline two", &model), HLM_NOT_FOUND, {"line one", "line two"});
  EXPECT_EQ(model, nullptr);
  char* text = nullptr;
  ExpectError(hlm_device_describe("toaster\r\nin\ttwo slots", &text), HLM_NOT_FOUND, {"toaster", "two slots"});
  EXPECT_EQ(text, nullptr);
}

TEST(Error, MessagesAreUtf8WhateverTheCallerPassed) {
  hlm_model* model = nullptr;
  ExpectError(hlm_model_create("{\"architectures\": [\"A\"], \"a\": \"\xff\"}", 0, &model), HLM_INVALID_ARGUMENT, {});
  float values[4] = {};
  const Trainer trainer = TinyTrainer();
  // One replacement for each byte that begins no character, as Python decodes them.
  ExpectError(hlm_trainer_read_tensor(trainer.get(), "a\xff\xfe\xc3", HLM_TENSOR_WEIGHT, 0, values, sizeof(values)),
              HLM_NOT_FOUND, {"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"});
}

TEST(Device, ListEndsWithTheCpu) {
  char* text = nullptr;
  ASSERT_OK(hlm_device_list(&text));
  const String list(text);
  const std::string json = list.get();
  EXPECT_EQ(json.front(), '[');
  EXPECT_NE(json.rfind("\"cpu\""), std::string::npos);
  for (const char* key : {"\"name\"", "\"description\"", "\"threads\"", "\"memory_bytes\"", "\"bf16\"", "\"libraries\""}) {
    EXPECT_NE(json.find(key), std::string::npos) << key;
  }
}

TEST(Device, DescribeSaysWhyAutoTookIt) {
  char* text = nullptr;
  ASSERT_OK(hlm_device_describe("auto", &text));
  const String described(text);
  EXPECT_NE(std::string(described.get()).find("\"reason\""), std::string::npos);
}

TEST(Device, WrongNames) {
  char* text = nullptr;
  ExpectError(hlm_device_list(nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_device_describe(nullptr, &text), HLM_INVALID_ARGUMENT, {"name is NULL"});
  ExpectError(hlm_device_describe("", &text), HLM_INVALID_ARGUMENT, {"name is empty"});
  ExpectError(hlm_device_describe("cpu", nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_device_describe("toaster", &text), HLM_NOT_FOUND, {"toaster"});
  EXPECT_EQ(text, nullptr);
}

}  // namespace
}  // namespace hlm_test
