package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"slices"
	"strings"
)

// component is one part of a bill of materials in CycloneDX's form.
type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"purl"`
}

type billOfMaterials struct {
	Format      string `json:"bomFormat"`
	SpecVersion string `json:"specVersion"`
	Version     int    `json:"version"`
	Metadata    struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	} `json:"metadata"`
	Components []component `json:"components"`
}

// contents writes the list of the modules that are in any of the programs, read
// from the programs themselves.
func (r *release) contents(context.Context) error {
	inside := map[string]string{}
	goVersion := ""
	for _, t := range r.targets {
		info, err := buildinfo.ReadFile(r.programs[t])
		if err != nil {
			return err
		}
		goVersion = strings.TrimPrefix(info.GoVersion, "go")
		for _, m := range info.Deps {
			inside[m.Path] = m.Version
		}
	}
	module := func(path, version string) component {
		url := "pkg:golang/" + path + "@" + version
		return component{Type: "library", Ref: url, Name: path, Version: version, URL: url}
	}
	b := billOfMaterials{Format: "CycloneDX", SpecVersion: "1.5", Version: 1}
	b.Metadata.Timestamp = r.when.Format("2006-01-02T15:04:05Z")
	b.Metadata.Component = module("github.com/meet-term/meet", r.version)
	b.Metadata.Component.Type = "application"
	b.Components = []component{module("stdlib", goVersion)}
	for path, version := range inside {
		b.Components = append(b.Components, module(path, version))
	}
	slices.SortFunc(b.Components, func(a, b component) int { return strings.Compare(a.Name, b.Name) })
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return r.write(name+"_"+r.number()+".cdx.json", append(data, '\n'))
}
