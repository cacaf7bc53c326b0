package tools

import "strings"

// Match returns the operation whose route a method and a path name, with the
// path's variables ("workspace" among them). Where several fit, the one with
// the most literal segments is meant, as in http.ServeMux.
func (r *Registry) Match(method, path string) (op Op, vars map[string]string, ok bool) {
	best := -1
	for _, o := range r.ops {
		if o.Method() != method {
			continue
		}
		if v, literal := matchPath(o.Path(), path); literal > best {
			op, vars, ok, best = o, v, true, literal
		}
	}
	return op, vars, ok
}

// matchPath compares a path with a template: the variables, and how many
// segments were literal; -1 where they do not fit.
func matchPath(template, path string) (vars map[string]string, literal int) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, -1
	}
	vars = map[string]string{}
	for i, w := range want {
		switch name, isVar := strings.CutPrefix(w, "{"); {
		case isVar && got[i] != "":
			vars[strings.TrimSuffix(name, "}")] = got[i]
		case w == got[i]:
			literal++
		default:
			return nil, -1
		}
	}
	return vars, literal
}
