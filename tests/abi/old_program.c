/* A program of an older version: compiled against ONWARD_HEADER, the header as it was then, run with the library
 * of today.
 *
 * y = Softmax(Relu(x A) B) of tests/install/tiny.onnx, whose rows sum to one. The structs are followed by
 * bytes that the library must not touch, and are as small as they were. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include ONWARD_HEADER

static const onward_api* ow;

#define EXPECT(condition)                                                   \
  do {                                                                      \
    if (!(condition)) {                                                     \
      fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
      exit(1);                                                              \
    }                                                                       \
  } while (0)

static void check(onward_status* status, onward_code expected) {
  if (ow->status_code(status) != expected) {
    fprintf(stderr, "%s\n", status ? ow->status_message(status) : "succeeded");
    exit(1);
  }
  ow->status_free(status);
}

static void describe(onward_model* model) {
  struct {
    onward_value_info info;
    unsigned char beyond[64];
  } described;
  memset(&described, 0x5a, sizeof described);
  described.info.size = sizeof described.info;
  check(ow->model_input(model, 0, &described.info), ONWARD_OK);
  EXPECT(strcmp(described.info.name, "x") == 0);
  EXPECT(described.info.rank == 2 && described.info.dims[1] == 4);
  for (size_t i = 0; i < sizeof described.beyond; ++i) EXPECT(described.beyond[i] == 0x5a);
  described.info.size = 0; /* was taken for the whole struct */
  check(ow->model_output(model, 0, &described.info), ONWARD_OK);
  EXPECT(strcmp(described.info.name, "y") == 0);
  for (size_t i = 0; i < sizeof described.beyond; ++i) EXPECT(described.beyond[i] == 0x5a);
}

static onward_session* open_session(onward_model* model) {
  struct {
    onward_session_options options;
    unsigned char beyond[256];
  } given;
  memset(&given, 0xff, sizeof given); /* what the library reads beyond the struct is nonsense */
  memset(&given.options, 0, sizeof given.options);
  given.options.size = sizeof given.options;
  given.options.threads = 1;
  onward_session* session = NULL;
  check(ow->session_create(model, &given.options, &session), ONWARD_OK);
  return session;
}

#if ONWARD_ABI_VERSION >= 2
/* Options as text, a context that writes to memory of the program's, and the last function of the table. */
static void use_version_2(onward_model* model, const onward_value* x) {
  const char *key = "threads", *value = "1";
  onward_session_options options = {sizeof options};
  options.config_keys = &key;
  options.config_values = &value;
  options.config_count = 1;
  onward_session* session = NULL;
  check(ow->session_create(model, &options, &session), ONWARD_OK);
  onward_context* context = NULL;
  check(ow->context_create(session, &context), ONWARD_OK);
  float memory[3];
  const int64_t dims[] = {1, 3};
  onward_value *y = NULL, *nothing = NULL;
  check(ow->tensor_wrap(ONWARD_FLOAT32, dims, 2, memory, sizeof memory, NULL, NULL, &y), ONWARD_OK);
  check(ow->context_bind_input(context, "x", x), ONWARD_OK);
  check(ow->context_bind_output(context, "y", y), ONWARD_OK);
  check(ow->context_run(context, NULL), ONWARD_OK);
  EXPECT(fabsf(memory[0] + memory[1] + memory[2] - 1) < 1e-6f);
  check(ow->sparse_indices(x, &nothing), ONWARD_INVALID_ARGUMENT);
  ow->context_free(context);
  ow->value_free(y);
  ow->session_free(session);
}
#endif

int main(int argc, char** argv) {
  ow = onward_get_api(ONWARD_ABI_VERSION);
  if (argc != 2 || !ow) return 2;
  EXPECT(ow->size >= sizeof(onward_api));
  onward_model* model = NULL;
  onward_model_options load = {sizeof load, NULL};
  check(ow->model_load("/nowhere.onnx", &load, &model), ONWARD_IO);
  check(ow->model_load(argv[1], &load, &model), ONWARD_OK);
  describe(model);
  onward_session* session = open_session(model);
  const int64_t dims[] = {1, 4};
  onward_value *x = NULL, *y = (onward_value*)0x1; /* outputs need not be cleared */
  check(ow->tensor_create(ONWARD_FLOAT32, dims, 2, &x), ONWARD_OK);
  for (int i = 0; i < 4; ++i) ((float*)ow->tensor_data(x))[i] = (float)i;
#if ONWARD_ABI_VERSION >= 2
  use_version_2(model, x);
#endif
  ow->model_free(model);
  const char* name = "x";
  const onward_value* input = x;
  struct {
    onward_run_options options;
    unsigned char beyond[64];
  } run;
  memset(&run, 0xff, sizeof run);
  memset(&run.options, 0, sizeof run.options);
  run.options.size = sizeof run.options;
  run.options.cancel = ow->cancel_create();
  check(ow->session_run(session, &run.options, &name, &input, 1, NULL, 0, &y), ONWARD_OK);
  EXPECT(ow->tensor_rank(y) == 2 && ow->tensor_bytes(y) == 12);
  const float* p = ow->tensor_data(y);
  EXPECT(fabsf(p[0] + p[1] + p[2] - 1) < 1e-6f);
  ow->cancel_trigger(run.options.cancel);
  onward_value* none = NULL;
  check(ow->session_run(session, &run.options, &name, &input, 1, NULL, 0, &none), ONWARD_CANCELLED);
  ow->cancel_free(run.options.cancel);
  EXPECT(strstr(ow->session_placement_json(session), "cpu"));
  ow->session_trim(session);
  ow->value_free(x);
  ow->value_free(y);
  ow->session_free(session);
  return 0;
}
