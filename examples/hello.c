/* hello: loads a model, lists its inputs, and runs it once with zeros.
 *
 *   cc hello.c -lonward -o hello && ./hello model.onnx
 *
 * Open dimensions are taken as 1. */
#include <inttypes.h>
#include <onward/onward.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const onward_api* ow;

/* Prints what went wrong and leaves the program. */
static void check(onward_status* status) {
  if (!status) return;
  fprintf(stderr, "hello: %s\n", ow->status_message(status));
  ow->status_free(status);
  exit(1);
}

static onward_value* zeros(const onward_value_info* info) {
  int64_t dims[16];
  onward_value* value = NULL;
  if (info->kind != ONWARD_TENSOR || !info->has_rank || info->rank > 16) {
    fprintf(stderr, "hello: input '%s' is %s; only tensors of known rank are filled here\n", info->name,
            info->type_text);
    exit(1);
  }
  for (size_t d = 0; d < info->rank; ++d) dims[d] = info->dims[d] < 0 ? 1 : info->dims[d];
  check(ow->tensor_create(info->dtype, dims, info->rank, &value));
  if (ow->tensor_data(value)) memset(ow->tensor_data(value), 0, ow->tensor_bytes(value));
  return value;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: hello MODEL.onnx\n");
    return 2;
  }
  ow = onward_get_api(ONWARD_ABI_VERSION);
  if (!ow) {
    fprintf(stderr, "hello: the installed library is older than this program\n");
    return 1;
  }
  onward_model* model = NULL;
  onward_session* session = NULL;
  check(ow->model_load(argv[1], NULL, &model));
  check(ow->session_create(model, NULL, &session));

  size_t input_count = ow->model_input_count(model), output_count = ow->model_output_count(model);
  const char** names = calloc(input_count + 1, sizeof *names);
  onward_value** inputs = calloc(input_count + 1, sizeof *inputs);
  onward_value** outputs = calloc(output_count + 1, sizeof *outputs);
  for (size_t i = 0; i < input_count; ++i) {
    onward_value_info info = {.size = sizeof info};
    check(ow->model_input(model, i, &info));
    printf("input %s: %s\n", info.name, info.type_text);
    names[i] = info.name;
    inputs[i] = zeros(&info);
  }
  check(ow->session_run(session, NULL, names, (const onward_value* const*)inputs, input_count, NULL, 0,
                        outputs));
  for (size_t i = 0; i < output_count; ++i) {
    onward_value_info info = {.size = sizeof info};
    check(ow->model_output(model, i, &info));
    printf("output %s: %s, now [", info.name, info.type_text);
    for (size_t d = 0; d < ow->tensor_rank(outputs[i]); ++d)
      printf("%s%" PRId64, d ? "," : "", ow->tensor_dims(outputs[i])[d]);
    printf("]\n");
    ow->value_free(outputs[i]);
  }
  for (size_t i = 0; i < input_count; ++i) ow->value_free(inputs[i]);
  free(names);
  free(inputs);
  free(outputs);
  ow->session_free(session);
  ow->model_free(model);
  return 0;
}
