// Verify reads a log that Accord has written, as a stranger would: with Go's reader of notes and tiles, and no line of
// Accord's. It ends with 0 and tells what it has seen, or with 1 and the first thing that does not hold.
//
//	verify <verifier key> <folder>
//
// The folder holds:
//
//	checkpoint         the log's head, signed
//	earlier/<size>     heads that it has signed before
//	proofs             a line each: inclusion <index> <hash>..., consistency <old size> <hash>..., in base64
//	tile/...           tiles of hashes and bundles of entries, at the paths of C2SP tlog-tiles
//
// It is built without modules, against the golang.org/x/mod that the system has installed: nothing is fetched.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify <verifier key> <folder>")
		os.Exit(2)
	}
	seen, err := verify(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted:", seen)
}

func verify(key, folder string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	tree, err := openCheckpoint(filepath.Join(folder, "checkpoint"), verifier)
	if err != nil {
		return "", err
	}
	served := tlog.TileHashReader(tree, &disk{folder, map[string][]byte{}})
	if root, err := tlog.TreeHash(tree.N, served); err != nil {
		return "", fmt.Errorf("tiles: %w", err)
	} else if root != tree.Hash {
		return "", errors.New("tiles: they give another root")
	}
	rebuilt, leaves, err := readEntries(folder, tree, served)
	if err != nil {
		return "", err
	}
	tiles, err := compareTiles(folder, tree, rebuilt)
	if err != nil {
		return "", err
	}
	earlier, err := openEarlier(filepath.Join(folder, "earlier"), tree, verifier, served)
	if err != nil {
		return "", err
	}
	inclusions, consistencies, err := checkProofs(filepath.Join(folder, "proofs"), tree, leaves, earlier, served)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, %d tiles, %d earlier heads, %d inclusion proofs, %d consistency proofs",
		len(leaves), tiles, len(earlier), inclusions, consistencies), nil
}

func openCheckpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("checkpoint: it is of the log %q", origin)
	}
	// the reader knows one log's name only, that of Go's own; size and root are read by it
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	return tree, nil
}

// disk reads tiles from files; it believes and remembers what TileHashReader will verify each time.
type disk struct {
	folder string
	files  map[string][]byte
}

func (d *disk) Height() int                     { return height }
func (d *disk) SaveTiles([]tlog.Tile, [][]byte) {}

func (d *disk) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := tilePath(tile)
		if _, known := d.files[path]; !known {
			read, err := os.ReadFile(filepath.Join(d.folder, path))
			if err != nil {
				return nil, err
			}
			d.files[path] = read
		}
		data[i] = d.files[path]
	}
	return data, nil
}

// tilePath spells a tile as C2SP tlog-tiles does: without its height, and entries for data.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if rest := strings.TrimPrefix(path, "data/"); rest != path {
		path = "entries/" + rest
	}
	return "tile/" + path
}

// storage holds a tree's hashes where tlog.StoredHashIndex says.
type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", at)
		}
		hashes[i] = s[at]
	}
	return hashes, nil
}

// readEntries hashes every entry, compares it with the tiles and builds the whole tree anew.
func readEntries(folder string, tree tlog.Tree, served tlog.HashReader) (storage, []tlog.Hash, error) {
	var rebuilt storage
	var leaves []tlog.Hash
	for first := int64(0); first < tree.N; first += width {
		count := tree.N - first
		if count > width {
			count = width
		}
		path := tilePath(tlog.Tile{H: height, L: -1, N: first / width, W: int(count)})
		bundle, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			return nil, nil, err
		}
		indexes := make([]int64, count)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		expected, err := served.ReadHashes(indexes)
		if err != nil {
			return nil, nil, fmt.Errorf("tiles: %w", err)
		}
		for i := int64(0); i < count; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return nil, nil, fmt.Errorf("entries: %s is cut off", path)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			leaf := tlog.RecordHash(bundle[2 : 2+length])
			bundle = bundle[2+length:]
			if leaf != expected[i] {
				return nil, nil, fmt.Errorf("entries: entry %d is not the one in the tiles", first+i)
			}
			stored, err := tlog.StoredHashesForRecordHash(first+i, leaf, rebuilt)
			if err != nil {
				return nil, nil, err
			}
			rebuilt, leaves = append(rebuilt, stored...), append(leaves, leaf)
		}
		if len(bundle) != 0 {
			return nil, nil, fmt.Errorf("entries: %s goes on", path)
		}
	}
	if root, err := tlog.TreeHash(tree.N, rebuilt); err != nil {
		return nil, nil, err
	} else if root != tree.Hash {
		return nil, nil, errors.New("entries: they give another root")
	}
	return rebuilt, leaves, nil
}

// compareTiles holds every tile of the tree, at every level, to the tree that the entries give.
func compareTiles(folder string, tree tlog.Tree, rebuilt storage) (int, error) {
	tiles := 0
	for level := 0; tree.N>>(height*level) > 0; level++ {
		nodes := tree.N >> (height * level)
		for first := int64(0); first < nodes; first += width {
			tile := tlog.Tile{H: height, L: level, N: first / width, W: width}
			if nodes-first < width {
				tile.W = int(nodes - first)
			}
			expected, err := tlog.ReadTileData(tile, rebuilt)
			if err != nil {
				return 0, err
			}
			found, err := os.ReadFile(filepath.Join(folder, tilePath(tile)))
			if err != nil {
				return 0, err
			}
			if !bytes.Equal(found, expected) {
				return 0, fmt.Errorf("tiles: %s is not what the entries give", tilePath(tile))
			}
			tiles++
		}
	}
	return tiles, nil
}

// heads are trees that the log has signed, by their size.
type heads map[int64]tlog.Tree

// openEarlier opens the heads that were signed before and proves that the tree begins with each.
func openEarlier(folder string, tree tlog.Tree, verifier note.Verifier, served tlog.HashReader) (heads, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	earlier := heads{}
	for _, file := range files {
		old, err := openCheckpoint(filepath.Join(folder, file.Name()), verifier)
		if err != nil {
			return nil, err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, served)
		if err != nil {
			return nil, fmt.Errorf("earlier head %d: %w", old.N, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return nil, fmt.Errorf("earlier head %d: %w", old.N, err)
		}
		earlier[old.N] = old
	}
	return earlier, nil
}

// checkProofs verifies the proofs that Accord has made, and holds them to those that Go makes out of the same tiles.
func checkProofs(
	path string, tree tlog.Tree, leaves []tlog.Hash, earlier heads, served tlog.HashReader,
) (int, int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	inclusions, consistencies := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			return 0, 0, fmt.Errorf("proofs: %q is none", line)
		}
		number, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		hashes := []tlog.Hash{}
		for _, word := range words[2:] {
			hash, err := tlog.ParseHash(word)
			if err != nil {
				return 0, 0, err
			}
			hashes = append(hashes, hash)
		}
		var made []tlog.Hash
		switch words[0] {
		case "inclusion":
			if number < 0 || number >= int64(len(leaves)) {
				return 0, 0, fmt.Errorf("proofs: no entry %d", number)
			}
			if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, number, leaves[number]); err != nil {
				return 0, 0, fmt.Errorf("inclusion proof of %d: %w", number, err)
			}
			made, err = tlog.ProveRecord(tree.N, number, served)
			inclusions++
		case "consistency":
			old, known := earlier[number]
			if !known {
				return 0, 0, fmt.Errorf("proofs: no earlier head %d", number)
			}
			if err := tlog.CheckTree(hashes, tree.N, tree.Hash, old.N, old.Hash); err != nil {
				return 0, 0, fmt.Errorf("consistency proof from %d: %w", number, err)
			}
			made, err = tlog.ProveTree(tree.N, number, served)
			consistencies++
		default:
			return 0, 0, fmt.Errorf("proofs: %q is none", line)
		}
		if err != nil {
			return 0, 0, err
		}
		if fmt.Sprint(made) != fmt.Sprint(hashes) {
			return 0, 0, fmt.Errorf("proofs: Go's is another for %s %d", words[0], number)
		}
	}
	return inclusions, consistencies, nil
}
