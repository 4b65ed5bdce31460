// Verifies a log's checkpoint and proofs with the Go team's transparency log packages, and makes a note for us to open.
//
// Input, on standard input, is the JSON of `input`; output the JSON of `output`. Exit status 1 and a message on
// standard error say what did not hold.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type checkpoint struct {
	Note string `json:"note"`
	Size int64  `json:"size"`
}

type proof struct {
	Size   int64    `json:"size"`
	Index  int64    `json:"index"`
	Old    int64    `json:"old"`
	Hashes [][]byte `json:"hashes"`
}

type input struct {
	VKey        string       `json:"vkey"`
	Entries     [][]byte     `json:"entries"`
	Checkpoints []checkpoint `json:"checkpoints"`
	Inclusion   []proof      `json:"inclusion"`
	Consistency []proof      `json:"consistency"`
	SignerKey   string       `json:"signer_key"`
}

type output struct {
	Roots map[int64][]byte `json:"roots"`
	Note  string           `json:"note"`
}

// hashes is a tlog.HashReader in memory.
type hashes []tlog.Hash

func (stored hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	result := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		result[at] = stored[index]
	}
	return result, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	roots, err := rootsOf(in.Entries)
	if err != nil {
		return err
	}
	if err := checkNotes(in, roots); err != nil {
		return err
	}
	if err := checkProofs(in, roots); err != nil {
		return err
	}
	signer, err := note.NewSigner(in.SignerKey)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: "made in Go\n\nwith an empty line\n"}, signer)
	if err != nil {
		return err
	}
	out := output{Roots: map[int64][]byte{}, Note: string(signed)}
	for size, root := range roots {
		out.Roots[size] = root[:]
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// rootsOf gives the root of the first n entries, for every n, from the entries alone.
func rootsOf(entries [][]byte) (map[int64]tlog.Hash, error) {
	roots := map[int64]tlog.Hash{0: sha256.Sum256(nil)}
	var stored hashes
	for index, entry := range entries {
		more, err := tlog.StoredHashes(int64(index), entry, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
		root, err := tlog.TreeHash(int64(index+1), stored)
		if err != nil {
			return nil, err
		}
		roots[int64(index+1)] = root
	}
	return roots, nil
}

func checkNotes(in input, roots map[int64]tlog.Hash) error {
	verifier, err := note.NewVerifier(in.VKey)
	if err != nil {
		return err
	}
	for _, one := range in.Checkpoints {
		opened, err := note.Open([]byte(one.Note), note.VerifierList(verifier))
		if err != nil {
			return err
		}
		expected := fmt.Sprintf("%s\n%d\n%s\n", verifier.Name(), one.Size, roots[one.Size])
		if opened.Text != expected {
			return fmt.Errorf("expected the checkpoint %q, got %q", expected, opened.Text)
		}
		damaged := strings.Replace(one.Note, "\n", "\n1", 1)
		if _, err := note.Open([]byte(damaged), note.VerifierList(verifier)); err == nil {
			return errors.New("a damaged checkpoint was accepted")
		}
	}
	return nil
}

func checkProofs(in input, roots map[int64]tlog.Hash) error {
	for _, one := range in.Inclusion {
		leaf := tlog.RecordHash(in.Entries[one.Index])
		if err := tlog.CheckRecord(hashesOf(one), one.Size, roots[one.Size], one.Index, leaf); err != nil {
			return fmt.Errorf("inclusion of %d in %d: %w", one.Index, one.Size, err)
		}
	}
	for _, one := range in.Consistency {
		if err := tlog.CheckTree(hashesOf(one), one.Size, roots[one.Size], one.Old, roots[one.Old]); err != nil {
			return fmt.Errorf("consistency of %d with %d: %w", one.Old, one.Size, err)
		}
	}
	return nil
}

func hashesOf(one proof) []tlog.Hash {
	result := make([]tlog.Hash, len(one.Hashes))
	for at, hash := range one.Hashes {
		copy(result[at][:], hash)
	}
	return result
}
