package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "shot:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	size := flag.String("size", "80x24", "columns and rows of the capture")
	out := flag.String("o", "-", "PNG file to write; - for standard output")
	meet := flag.String("meet", "", "the meet program: set the scene and make all pictures")
	faces := flag.String("faces", "", "folder of JPEG pictures that somebody's camera shows in turn")
	images := flag.String("images", ".", "folder for all pictures")
	flag.Parse()
	if *meet != "" {
		return pictures(ctx, *meet, *faces, *images)
	}
	var cols, rows int
	if n, err := fmt.Sscanf(*size, "%dx%d", &cols, &rows); n != 2 || err != nil || cols < 1 || rows < 1 || cols > 1000 || rows > 1000 {
		return fmt.Errorf("-size %q: want something like 80x24", *size)
	}
	capture, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fmt.Errorf("read the capture: %w", err)
	}
	p, err := newPainter()
	if err != nil {
		return err
	}
	png, err := p.png(capture, cols, rows)
	if err != nil {
		return err
	}
	if *out == "-" {
		_, err = os.Stdout.Write(png)
		return err
	}
	return os.WriteFile(*out, png, 0o644)
}
