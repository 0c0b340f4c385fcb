package lab

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed template
var templates embed.FS

// unset are the files that Asterisk wants to see, and about which there is
// nothing to say: without them its log begins with errors.
var unset = []string{
	"acl.conf", "aeap.conf", "ccss.conf", "cel.conf", "features.conf",
	"manager.conf", "websocket_client.conf", "pjproject.conf", "queuerules.conf", "udptl.conf",
}

// settings is what the templates know of one Asterisk. Paths are as Asterisk
// sees them, inside its tree.
type settings struct {
	Options
	ARIUser       string
	TrunkPassword string
	Dir           string
	ModulesDir    string
	DataDir       string
	ports
}

// Person gives extensions.conf one person; Devices in its spelling.
type dialledPerson struct{ Extension, Name, Devices string }

func (s settings) Dialled() []dialledPerson {
	var list []dialledPerson
	for _, p := range s.People {
		dial := "PJSIP/" + strings.Join(p.Devices, "&PJSIP/")
		list = append(list, dialledPerson{p.Extension, p.Name, dial})
	}
	return list
}

// device gives pjsip.conf one endpoint.
type device struct{ User, Name, Number, Password string }

func (s settings) Devices() []device {
	var list []device
	for _, p := range s.People {
		for _, users := range [][]string{p.Devices, p.Others} {
			for _, u := range users {
				list = append(list, device{u, p.Name, p.Extension, Password(u)})
			}
		}
	}
	return list
}

// writeConfig renders every template into dir, a folder of this machine.
func writeConfig(dir string, s settings) error {
	all, err := template.ParseFS(templates, "template/*.conf")
	if err == nil && s.Layout != "" {
		// A layout's file takes the place of the plain one of its name.
		all, err = all.ParseFS(templates, "template/"+s.Layout+"/*.conf")
	}
	if err != nil {
		return fmt.Errorf("lab: templates: %w", err)
	}
	for _, t := range all.Templates() {
		var text strings.Builder
		if err := t.Execute(&text, s); err != nil {
			return fmt.Errorf("lab: template %s: %w", t.Name(), err)
		}
		if err := os.WriteFile(filepath.Join(dir, path.Base(t.Name())), []byte(text.String()), 0o644); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	for _, name := range unset {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("; nothing to say\n"), 0o644); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	if s.Dialplan == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, SupervisionConf), []byte(s.Dialplan), 0o644); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}
