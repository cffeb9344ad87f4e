package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

// healthPatience is below what engines give a check.
const healthPatience = 3 * time.Second

var errNoHealth = errors.New("headgate did not answer within " + healthPatience.String())

func (c *cli) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Exit with 0 when the running server serves users", Args: noArgs,
		Long: `Asks /readyz of the running server, which needs no token, and says nothing when
users are being served. For container images, which have neither a shell nor
curl: HEALTHCHECK CMD ["headgate", "healthcheck"]. MLflow being away, or a
candidate being down, is not ill health: users are served all the same.`,
		Example: `  headgate healthcheck
  headgate healthcheck --admin http://127.0.0.1:8090`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := c.server()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), healthPatience, errNoHealth)
			defer cancel()
			err = server.Ready(ctx)
			if err != nil && errors.Is(context.Cause(ctx), errNoHealth) {
				return withHint("its log says what it is doing", "%w", errNoHealth)
			}
			return err
		},
	}
}
