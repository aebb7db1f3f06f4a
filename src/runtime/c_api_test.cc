// The C interface as a careless caller uses it.
#include "runtime/c_api_test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::HasSubstr;

TEST(CApi, VersionsAndSizes) {
  EXPECT_NE(onward_get_api(0), nullptr);
  EXPECT_EQ(onward_get_api(ONWARD_ABI_VERSION + 1), nullptr);
  EXPECT_EQ(api().size, sizeof(onward_api));
  EXPECT_NE(std::string(api().library_version()), "");
}

TEST(CApi, NullIsAnErrorOrNothing) {
  const auto& a = api();
  a.status_free(nullptr);
  a.model_free(nullptr);
  a.session_free(nullptr);
  a.value_free(nullptr);
  a.cancel_free(nullptr);
  a.cancel_trigger(nullptr);
  a.cancel_reset(nullptr);
  a.session_trim(nullptr);
  EXPECT_STREQ(a.status_message(nullptr), "");
  onward_model* m = nullptr;
  onward_session* s = nullptr;
  onward_value* v = nullptr;
  onward_value_info info{};
  const int64_t one = 1;
  taken(a.model_load(nullptr, nullptr, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.model_load("x", nullptr, nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.model_load("/nowhere/at/all.onnx", nullptr, &m), ONWARD_IO);
  taken(a.model_load_bytes(nullptr, 4, nullptr, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.model_input(nullptr, 0, &info), ONWARD_INVALID_ARGUMENT);
  taken(a.session_create(nullptr, nullptr, &s), ONWARD_INVALID_ARGUMENT);
  taken(a.session_run(nullptr, nullptr, nullptr, nullptr, 0, nullptr, 0, &v), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_create(ONWARD_FLOAT32, nullptr, 1, &v), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_create(ONWARD_FLOAT32, &one, 1, nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_wrap(ONWARD_FLOAT32, &one, 1, nullptr, 4, nullptr, nullptr, &v), ONWARD_INVALID_ARGUMENT);
  taken(a.sequence_at(nullptr, 0, &v), ONWARD_INVALID_ARGUMENT);
  taken(a.sequence_create(nullptr, 1, &v), ONWARD_INVALID_ARGUMENT);
  taken(a.map_at(nullptr, 0, nullptr, nullptr, nullptr, nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_set_string(nullptr, 0, "", 0), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(a.model_input_count(nullptr), 0u);
  EXPECT_EQ(a.model_field(nullptr, "x"), nullptr);
  EXPECT_EQ(a.tensor_data(nullptr), nullptr);
  EXPECT_EQ(a.tensor_dims(nullptr), nullptr);
  EXPECT_EQ(a.value_kind(nullptr), ONWARD_NOTHING);
  EXPECT_STREQ(a.session_profile_json(nullptr), "[]");
  EXPECT_EQ(m, nullptr);
  EXPECT_EQ(v, nullptr);
}

TEST(CApi, AModelDescribesItself) {
  onward_model* m = load();
  const auto& a = api();
  ASSERT_EQ(a.model_input_count(m), 2u);
  onward_value_info info{};
  info.size = sizeof info;
  EXPECT_EQ(taken(a.model_input(m, 0, &info)), "");
  EXPECT_STREQ(info.name, "x");
  EXPECT_STREQ(info.type_text, "float[N,2]");
  ASSERT_EQ(info.rank, 2u);
  EXPECT_EQ(info.dims[0], -1);
  EXPECT_EQ(info.dims[1], 2);
  EXPECT_STREQ(info.dim_names[0], "N");
  EXPECT_STREQ(info.dim_names[1], "");
  EXPECT_EQ(info.is_optional, 0);
  EXPECT_EQ(taken(a.model_input(m, 1, &info)), "");
  EXPECT_EQ(info.is_optional, 1);
  EXPECT_THAT(taken(a.model_input(m, 2, &info), ONWARD_INVALID_ARGUMENT), HasSubstr("index 2"));
  taken(a.model_output(m, SIZE_MAX, &info), ONWARD_INVALID_ARGUMENT);
  taken(a.model_output(m, 0, nullptr), ONWARD_INVALID_ARGUMENT);
  // A program that knows only the first fields gets only those.
  struct {
    onward_value_info info;
    char beyond[16];
  } old;
  std::memset(&old, 0x5a, sizeof old);
  old.info.size = offsetof(onward_value_info, kind);
  EXPECT_EQ(taken(a.model_input(m, 0, &old.info)), "");
  EXPECT_STREQ(old.info.type_text, "float[N,2]");
  const auto* raw = reinterpret_cast<const unsigned char*>(&old);
  for (size_t i = offsetof(onward_value_info, kind); i < sizeof old; ++i) EXPECT_EQ(raw[i], 0x5a);
  EXPECT_STREQ(a.model_field(m, "producer_name"), "tests");
  EXPECT_EQ(a.model_field(m, "nothing"), nullptr);
  ASSERT_EQ(a.model_metadata_count(m), 1u);
  EXPECT_STREQ(a.model_metadata_value(m, 0), "v");
  EXPECT_EQ(a.model_metadata_key(m, 1), nullptr);
  a.model_free(m);
}

TEST(CApi, RunsAndRefuses) {
  const auto& a = api();
  onward_model* m = load();
  onward_session* s = nullptr;
  // Only `size` and `threads` are known to this caller; what lies behind is not read.
  onward_session_options options;
  std::memset(&options, 0xff, sizeof options);
  options.size = offsetof(onward_session_options, optimization);
  options.threads = 1;
  EXPECT_EQ(taken(a.session_create(m, &options, &s)), "");
  onward_session_options bad{};
  bad.size = sizeof bad;
  bad.provider_count = 2;
  onward_session* none = nullptr;
  taken(a.session_create(m, &bad, &none), ONWARD_INVALID_ARGUMENT);
  const char* gpu = "no-such-provider";
  bad.providers = &gpu;
  bad.provider_count = 1;
  bad.strict_providers = 1;
  EXPECT_THAT(taken(a.session_create(m, &bad, &none), ONWARD_UNSUPPORTED), HasSubstr("no-such-provider"));
  EXPECT_EQ(none, nullptr);
  a.model_free(m);  // the session keeps it

  onward_value* x = floats_value({1, 2}, {-3, 4});
  const char *name = "x", *wrong = "q", *y = "y";
  const onward_value* in = x;
  onward_value* out[2] = {};
  EXPECT_EQ(taken(a.session_run(s, nullptr, &name, &in, 1, nullptr, 0, out)), "");
  EXPECT_EQ(static_cast<float*>(a.tensor_data(out[0]))[1], 8);
  EXPECT_EQ(static_cast<float*>(a.tensor_data(out[0]))[0], 0);
  // The second output is the input; writing to it leaves the input alone.
  static_cast<float*>(a.tensor_data(out[1]))[0] = 77;
  EXPECT_EQ(static_cast<float*>(a.tensor_data(x))[0], -3);
  a.value_free(out[0]);
  a.value_free(out[1]);
  out[0] = nullptr;
  EXPECT_THAT(taken(a.session_run(s, nullptr, &wrong, &in, 1, nullptr, 0, out), ONWARD_INVALID_ARGUMENT),
              HasSubstr("no input 'q'"));
  EXPECT_THAT(taken(a.session_run(s, nullptr, &name, &in, 1, &wrong, 1, out), ONWARD_INVALID_ARGUMENT),
              HasSubstr("no output 'q'"));
  taken(a.session_run(s, nullptr, nullptr, &in, 1, nullptr, 0, out), ONWARD_INVALID_ARGUMENT);
  taken(a.session_run(s, nullptr, &name, nullptr, 1, nullptr, 0, out), ONWARD_INVALID_ARGUMENT);
  taken(a.session_run(s, nullptr, &name, &in, 1, nullptr, 1, out), ONWARD_INVALID_ARGUMENT);
  taken(a.session_run(s, nullptr, &name, &in, 1, &y, 1, nullptr), ONWARD_INVALID_ARGUMENT);
  const onward_value* nothing = nullptr;
  taken(a.session_run(s, nullptr, &name, &nothing, 1, &y, 1, out), ONWARD_INVALID_ARGUMENT);
  const char* nameless = nullptr;
  taken(a.session_run(s, nullptr, &nameless, &in, 1, &y, 1, out), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(out[0], nullptr);

  onward_cancel* cancel = a.cancel_create();
  onward_run_options ro{};
  ro.size = sizeof ro;
  ro.cancel = cancel;
  a.cancel_trigger(cancel);
  taken(a.session_run(s, &ro, &name, &in, 1, &y, 1, out), ONWARD_CANCELLED);
  a.cancel_reset(cancel);
  EXPECT_EQ(taken(a.session_run(s, &ro, &name, &in, 1, &y, 1, out)), "");
  EXPECT_THAT(a.session_placement_json(s), HasSubstr("\"Elementwise\""));
  a.session_free(s);
  a.cancel_free(cancel);
  a.value_free(x);
  EXPECT_EQ(static_cast<float*>(a.tensor_data(out[0]))[1], 8);  // outlives its session
  a.value_free(out[0]);
}

TEST(CApi, WrappedMemoryIsReleasedOnce) {
  const auto& a = api();
  onward_model* m = load();
  onward_session* s = nullptr;
  EXPECT_EQ(taken(a.session_create(m, nullptr, &s)), "");
  int released = 0;
  auto release = [](void* user) { ++*static_cast<int*>(user); };
  float data[2] = {1, -1};
  const int64_t dims[] = {1, 2};
  onward_value *v = nullptr, *bad = nullptr;
  EXPECT_EQ(taken(a.tensor_wrap(ONWARD_FLOAT32, dims, 2, data, sizeof data, release, &released, &v)), "");
  // Refused: it stays the caller's.
  taken(a.tensor_wrap(ONWARD_FLOAT32, dims, 2, data, 7, release, &released, &bad), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_wrap(ONWARD_STRING, dims, 2, data, sizeof data, release, &released, &bad),
        ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_wrap(static_cast<onward_dtype>(27), dims, 2, data, sizeof data, release, &released, &bad),
        ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_wrap(ONWARD_FLOAT32, dims, 2, reinterpret_cast<char*>(data) + 1, sizeof data, release,
                      &released, &bad),
        ONWARD_INVALID_ARGUMENT);
  const int64_t huge[] = {INT64_MAX, 8}, negative[] = {-1, 2};
  taken(a.tensor_wrap(ONWARD_FLOAT32, huge, 2, data, sizeof data, release, &released, &bad),
        ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_create(ONWARD_FLOAT32, huge, 2, &bad), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_create(ONWARD_FLOAT32, negative, 2, &bad), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_create(static_cast<onward_dtype>(31), dims, 2, &bad), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(released, 0);
  EXPECT_EQ(bad, nullptr);
  const char* name = "x";
  const onward_value* in = v;
  onward_value* out[2] = {};
  EXPECT_EQ(taken(a.session_run(s, nullptr, &name, &in, 1, nullptr, 0, out)), "");
  onward_value *list = nullptr, *item = nullptr;
  EXPECT_EQ(taken(a.sequence_create(&in, 1, &list)), "");
  a.value_free(v);
  EXPECT_EQ(taken(a.sequence_at(list, 0, &item)), "");
  taken(a.sequence_at(list, 1, &bad), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(released, 0);  // the sequence and its item still need it
  a.value_free(list);
  EXPECT_EQ(released, 0);
  a.value_free(item);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(data[1], -1);
  EXPECT_EQ(static_cast<float*>(a.tensor_data(out[1]))[1], -1);
  a.session_free(s);
  a.model_free(m);
  a.value_free(out[0]);
  a.value_free(out[1]);
  const int64_t empty[] = {0, 2};
  EXPECT_EQ(taken(a.tensor_wrap(ONWARD_FLOAT32, empty, 2, nullptr, 0, release, &released, &v)), "");
  a.value_free(v);
  EXPECT_EQ(released, 2);
}

TEST(CApi, Strings) {
  const auto& a = api();
  const int64_t two = 2;
  onward_value* v = nullptr;
  EXPECT_EQ(taken(a.tensor_create(ONWARD_STRING, &two, 1, &v)), "");
  EXPECT_EQ(taken(a.tensor_set_string(v, 1, "a\0b", 3)), "");
  taken(a.tensor_set_string(v, 2, "c", 1), ONWARD_INVALID_ARGUMENT);
  size_t bytes = 0;
  EXPECT_EQ(std::string(a.tensor_string(v, 1, &bytes), 3), std::string("a\0b", 3));
  EXPECT_EQ(bytes, 3u);
  EXPECT_STREQ(a.tensor_string(v, 0, nullptr), "");
  EXPECT_EQ(a.tensor_string(v, 2, nullptr), nullptr);
  EXPECT_EQ(a.tensor_data(v), nullptr);
  EXPECT_EQ(a.tensor_bytes(v), 0u);
  a.value_free(v);
}

}  // namespace
}  // namespace ow
