package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/term"
)

// maxPassword is all that bcrypt looks at, in bytes.
const maxPassword = 72

func newHashPassword() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password",
		Short: "Read a password from stdin and print its bcrypt hash",
		Long: "Read a password from stdin, its first line or what is typed at a prompt, and print its bcrypt hash.\n" +
			"The hash is good for password_hash of people and NATS users, and for the hash of an HTTP token.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(os.Stdin, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			hash, err := hashPassword(password)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
}

func hashPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty: write it as the first line of stdin")
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password has %d bytes, and bcrypt takes %d: choose a shorter one", len(password), maxPassword)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return string(hash), err
}

// readPassword reads a line. From a terminal it asks twice and shows nothing, since nobody sees what was mistyped.
func readPassword(in *os.File, prompts io.Writer) (string, error) {
	if !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(prompts, prompt)
		password, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(prompts)
		return string(password), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ: try again")
	}
	return first, nil
}
