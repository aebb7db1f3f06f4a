/* buffers: runs a model again and again on memory of the caller's, without copying inputs or outputs.
 *
 *   cc buffers.c -lonward -o buffers && ./buffers model.onnx
 *
 * For models with one float input and one float output of fixed size: a filter over frames of audio, say. The
 * input is 0, 1, 2, ... in the first run, then shifted by one from run to run; the first number of each
 * result is printed. Both buffers stay bound to a context: a run reads and writes them where
 * they are. */
#include <onward/onward.h>
#include <stdio.h>
#include <stdlib.h>

static const onward_api* ow;

/* Prints what went wrong and leaves the program. */
static void check(onward_status* status) {
  if (!status) return;
  fprintf(stderr, "buffers: %s\n", ow->status_message(status));
  ow->status_free(status);
  exit(1);
}

/* A tensor over memory of our own, of the size that the model says. */
static onward_value* wrap(const onward_value_info* info, float** memory, size_t* count) {
  *count = 1;
  for (size_t d = 0; d < info->rank; ++d)
    if (info->dims[d] < 1) {
      fprintf(stderr, "buffers: %s is %s, expected fixed sizes\n", info->name, info->type_text);
      exit(1);
    } else {
      *count *= (size_t)info->dims[d];
    }
  *memory = calloc(*count, sizeof(float));
  onward_value* value = NULL;
  check(ow->tensor_wrap(ONWARD_FLOAT32, info->dims, info->rank, *memory, *count * sizeof(float), NULL, NULL,
                        &value));
  return value;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: buffers MODEL.onnx\n");
    return 2;
  }
  ow = onward_get_api(ONWARD_ABI_VERSION);
  if (!ow) {
    fprintf(stderr, "buffers: the installed library is older than this program\n");
    return 1;
  }
  onward_model* model = NULL;
  onward_session* session = NULL;
  onward_context* context = NULL;
  check(ow->model_load(argv[1], NULL, &model));
  check(ow->session_create(model, NULL, &session));
  check(ow->context_create(session, &context));

  onward_value_info in = {.size = sizeof in}, out = {.size = sizeof out};
  check(ow->session_input(session, 0, &in));
  check(ow->session_output(session, 0, &out));
  float *frame, *result;
  size_t frame_count, result_count;
  onward_value *input = wrap(&in, &frame, &frame_count), *output = wrap(&out, &result, &result_count);
  check(ow->context_bind_input(context, in.name, input));
  check(ow->context_bind_output(context, out.name, output));
  for (int run = 0; run < 3; ++run) {
    for (size_t i = 0; i < frame_count; ++i) frame[i] = (float)(i + (size_t)run);
    check(ow->context_run(context, NULL));
    printf("%g\n", result[0]); /* the result is here already */
  }

  ow->context_free(context); /* nobody uses our memory after this, the values apart */
  ow->value_free(input);
  ow->value_free(output);
  free(frame);
  free(result);
  ow->session_free(session);
  ow->model_free(model);
  return 0;
}
