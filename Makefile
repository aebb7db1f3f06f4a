# What people type first; everything else is behind ./dev.
#
#   make        build the program: build/bin/onward
#   make demo   install what is missing, build, and colorize the photographs in apps/colorize/photos
#   make test   install what is missing, build everything, and run every test

.PHONY: all demo test install-deps clean

all:
	cmake --preset release -DONWARD_TESTS=OFF
	cmake --build --preset release --target onward onward_library

demo:
	scripts/install_deps.sh program
	$(MAKE) all
	scripts/demo.sh

test: install-deps
	./dev check
	./dev cli
	./dev hostile
	./dev hostile --preset asan
	./dev python
	./dev differential
	./dev round-trip
	./dev conformance --quiet
	./dev graphs
	./dev frameworks
	./dev pipelines

install-deps:
	scripts/install_deps.sh

clean:
	rm -rf build build-*
