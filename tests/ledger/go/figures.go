// Figures adds up what a hub has opened of its log, by docs/ledger.md alone and with no line of Accord's: the root out of
// the entries, each opening against its entry, and every row of figures.json. It ends with 0 and tells what it has seen,
// or with 1 and the first thing that does not hold. Signatures and tiles are for verify.go.
//
//	figures <folder>
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

var public = []string{"country", "dataset", "kind", "marking", "origin", "purpose", "records", "year"}

func main() {
	seen, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted:", seen)
}

func check(folder string) (string, error) {
	head, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(head), "\n")
	size, err := strconv.Atoi(lines[1])
	if err != nil {
		return "", fmt.Errorf("checkpoint: %v", err)
	}
	entries, err := read(folder, size)
	if err != nil {
		return "", fmt.Errorf("entries: %v", err)
	}
	leaves := make([][32]byte, size)
	for i, one := range entries {
		leaves[i] = sha256.Sum256(append([]byte{0}, one...))
	}
	above := root(leaves)
	if base64.StdEncoding.EncodeToString(above[:]) != lines[2] {
		return "", fmt.Errorf("entries: they do not have the root of the checkpoint")
	}
	tables, opened := map[string]map[string]map[string]*row{}, 0
	for index := 0; index*256 < size; index++ {
		data, err := os.ReadFile(filepath.Join(folder, "opened", name(index)))
		if os.IsNotExist(err) {
			continue
		} else if err != nil {
			return "", err
		}
		values, err := open(string(data), entries)
		if err != nil {
			return "", fmt.Errorf("opened: %v", err)
		}
		for _, one := range values {
			if len(one) < len(public) {
				continue
			}
			opened++
			if err := count(tables, one); err != nil {
				return "", fmt.Errorf("opened: %v", err)
			}
		}
	}
	ours := map[string]any{
		"format": "accord-figures/v1", "log": lines[0], "size": float64(size), "root": lines[2],
		"opened": float64(opened), "closed": float64(size - opened), "years": years(tables),
	}
	said, err := os.ReadFile(filepath.Join(folder, "figures.json"))
	if err != nil {
		return "", err
	}
	var theirs any
	if err := json.Unmarshal(said, &theirs); err != nil {
		return "", fmt.Errorf("figures: %v", err)
	}
	if !reflect.DeepEqual(theirs, any(ours)) {
		found, _ := json.Marshal(ours)
		return "", fmt.Errorf("figures: what is opened adds up to %s", found)
	}
	return fmt.Sprintf("%d entries, %d opened, in %d years", size, opened, len(tables)), nil
}

// name gives a bundle's index in groups of three digits.
func name(index int) string {
	text := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		text = fmt.Sprintf("x%03d/%s", index%1000, text)
	}
	return text
}

func read(folder string, size int) ([][]byte, error) {
	var entries [][]byte
	for index := 0; index*256 < size; index++ {
		path := filepath.Join(folder, "tile/entries", name(index))
		if rest := size - index*256; rest < 256 {
			path += fmt.Sprintf(".p/%d", rest)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s is cut off", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:end])
			data = data[end:]
		}
	}
	if len(entries) != size {
		return nil, fmt.Errorf("%d of %d", len(entries), size)
	}
	return entries, nil
}

// root is MTH of RFC 9162, 2.1.1, over hashes of leaves.
func root(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := root(leaves[:k]), root(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// open gives the opened values of each entry, each verified against what the entry committed to.
func open(text string, entries [][]byte) (map[int]map[string]string, error) {
	lines := strings.Split(text, "\n")
	if lines[0] != "accord-opened/v1" || lines[len(lines)-1] != "" {
		return nil, fmt.Errorf("no file of openings")
	}
	found, number := map[int]map[string]string{}, -1
	for _, line := range lines[1 : len(lines)-1] {
		words := strings.Split(line, " ")
		if len(words) == 2 && words[0] == "entry" {
			next, err := strconv.Atoi(words[1])
			if err != nil || next <= number || next >= len(entries) {
				return nil, fmt.Errorf("%q", line)
			}
			number = next
			found[number] = map[string]string{}
			continue
		}
		if len(words) != 3 || number < 0 || !among(public, words[0]) {
			return nil, fmt.Errorf("entry %d: %q is not for everybody", number, words[0])
		}
		salt, err := base64.StdEncoding.Strict().DecodeString(words[1])
		if err != nil || len(salt) != 32 {
			return nil, fmt.Errorf("entry %d: %s has no salt", number, words[0])
		}
		value := []byte{}
		if words[2] != "-" {
			if value, err = base64.StdEncoding.Strict().DecodeString(words[2]); err != nil {
				return nil, fmt.Errorf("entry %d: %s: %v", number, words[0], err)
			}
		}
		hashed := sha256.New()
		hashed.Write([]byte("accord-commitment/v1\x00"))
		hashed.Write([]byte{byte(len(words[0]))})
		hashed.Write([]byte(words[0]))
		hashed.Write(salt)
		hashed.Write(value)
		closed := "\n" + words[0] + " " + base64.StdEncoding.EncodeToString(hashed.Sum(nil)) + "\n"
		if !bytes.HasPrefix(entries[number], []byte("accord-entry/v1\n")) || !bytes.Contains(entries[number], []byte(closed)) {
			return nil, fmt.Errorf("entry %d did not commit to this %s", number, words[0])
		}
		found[number][words[0]] = string(value)
	}
	return found, nil
}

func among(names []string, name string) bool {
	at := sort.SearchStrings(names, name)
	return at < len(names) && names[at] == name
}

// row is one row of a table: what it is about, how many entries, and their records, at least and at most.
type row struct {
	said              map[string]any
	entries, from, to int
}

func count(tables map[string]map[string]map[string]*row, one map[string]string) error {
	from, to := 0, 0
	switch one["records"] {
	case "":
	case "<10":
		to = 9
	default:
		known, err := strconv.Atoi(one["records"])
		if err != nil {
			return err
		}
		from, to = known, known
	}
	if tables[one["year"]] == nil {
		tables[one["year"]] = map[string]map[string]*row{}
	}
	sign := 1
	add := func(table string, names ...string) {
		rows := tables[one["year"]]
		if rows[table] == nil {
			rows[table] = map[string]*row{}
		}
		var words []string
		for _, name := range names {
			words = append(words, one[name])
		}
		key := strings.Join(words, "\x00")
		if rows[table][key] == nil {
			said := map[string]any{}
			for i, name := range names {
				said[name] = words[i]
			}
			rows[table][key] = &row{said: said}
		}
		rows[table][key].entries += sign
		rows[table][key].from += from * sign
		rows[table][key].to += to * sign
	}
	// what never came to be is taken out of where it counts, and told in a row of its own
	switch kind := one["kind"]; kind {
	case "never-handed-over", "never-shown":
		add("happened", "kind")
		sign = -1
		if kind == "never-handed-over" {
			add("passed_on", "country", "purpose", "marking")
		} else {
			one["kind"] = "check-data"
			add("happened", "kind")
			if one["dataset"] != "" {
				add("check_data", "dataset", "origin")
			}
		}
	case "delivery":
		add("held", "dataset", "origin")
	case "check-data":
		add("happened", "kind")
		if one["dataset"] != "" {
			add("check_data", "dataset", "origin")
		}
	case "disclosure":
		add("passed_on", "country", "purpose", "marking")
	case "outcome":
		add("reported_done", "country", "purpose")
	default:
		out := kind == "erasure" || kind == "purge" || kind == "recall" && one["country"] == ""
		if out && one["dataset"] != "" {
			add("taken_out", "dataset", "kind")
		}
		if kind == "purge" {
			add("purged", "dataset", "origin")
		}
		if kind == "recall" && one["country"] != "" {
			one["kind"] = "recall-notice"
		}
		add("happened", "kind")
	}
	return nil
}

// counted is what the number of entries is called in each table; the first three are there also when they have no row.
var counted = []struct{ table, word string }{
	{"held", "deliveries"}, {"passed_on", "disclosures"}, {"happened", "entries"},
	{"reported_done", "reports"}, {"taken_out", "entries"}, {"check_data", "publications"},
}

// heldAtEnd is what had come by the end of a year, without what was purged by then; and at least without what was erased.
func heldAtEnd(tables map[string]map[string]map[string]*row, end string) []any {
	from, to, origin, erased := map[string]int{}, map[string]int{}, map[string]row{}, map[string]int{}
	for year, rows := range tables {
		if year > end {
			continue
		}
		for key, one := range rows["held"] {
			from[key] += one.from
			to[key] += one.to
			origin[key] = *one
		}
		for key, one := range rows["purged"] {
			from[key] -= one.from
			to[key] -= one.to
		}
		for _, one := range rows["taken_out"] {
			if one.said["kind"] == "erasure" {
				erased[one.said["dataset"].(string)] += one.to
			}
		}
	}
	var keys []string
	for key := range origin {
		if to[key] > 0 {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	var told []any
	for _, key := range keys {
		said := origin[key].said
		least := from[key] - erased[said["dataset"].(string)]
		if least < 0 {
			least = 0
		}
		if least > to[key] {
			least = to[key]
		}
		told = append(told, map[string]any{
			"dataset": said["dataset"], "origin": said["origin"],
			"records": []any{float64(least), float64(to[key])},
		})
	}
	return told
}

func years(tables map[string]map[string]map[string]*row) []any {
	var names []string
	for year := range tables {
		names = append(names, year)
	}
	sort.Sort(sort.Reverse(sort.StringSlice(names)))
	told := []any{}
	for _, year := range names {
		one := map[string]any{"year": year}
		for at, each := range counted {
			rows := tables[year][each.table]
			if len(rows) == 0 && at > 2 {
				continue
			}
			var keys []string
			for key := range rows {
				keys = append(keys, key)
			}
			sort.Strings(keys)
			listed := []any{}
			for _, key := range keys {
				found := rows[key]
				if found.entries == 0 {
					continue
				}
				found.said[each.word] = float64(found.entries)
				found.said["records"] = []any{float64(found.from), float64(found.to)}
				listed = append(listed, found.said)
			}
			one[each.table] = listed
		}
		if held := heldAtEnd(tables, year); held != nil {
			one["held_at_end"] = held
		}
		told = append(told, one)
	}
	return told
}
