// Package e2e tests the real meet binary from outside, on real networks made
// of namespaces (see internal/netlab): people join in headless mode, cables
// are pulled, addresses change, servers die, and the JSON lines that each
// person writes are the evidence.
//
// The tests run with MEET_E2E=1 and else say that they do not. Those named
// TestNet need root and the commands ip and nft. Environment:
//
//	MEET_E2E=1        run; the binary is built once, without cgo
//	MEET_E2E_BINARY=P test this program instead of building one
//	MEET_BENCH=1      repeat what is measured, one test at a time, and write
//	                  medians and worst cases as tables
//	MEET_BENCH_RUNS=N repetitions of each case, 5 by default
//	MEET_BENCH_OUT=D  folder for netlab.md and netlab.json; they are printed too
//	MEET_E2E_LOGS=D   keep the timeline and logs of every test in this folder
package e2e
