package rules

// operational rules are for people: none of them says that a candidate is bad,
// so none is critical together with a model's name.
func operational() []Rule {
	rule := func(alert, expr, wait, severity, summary, description string) Rule {
		return Rule{
			Alert: alert, Expr: expr, For: wait, Labels: map[string]string{"headgate": "1", "severity": severity},
			Annotations: map[string]string{"summary": summary, "description": description},
		}
	}
	return []Rule{
		rule("HeadgateDown", "absent(headgate_config_last_reload_successful)", "1m", Critical,
			"No Headgate is scraped", "Users get no answer, or Prometheus cannot reach the admin listener."),
		rule("HeadgateRolledBack", "sum by (model, cause) (increase(headgate_rollbacks_total[15m])) > 0", "", Warning,
			"{{ $labels.model }}: a candidate was taken back ({{ $labels.cause }})", "The incident says why: GET /api/v1/incidents."),
		rule("HeadgateRegistryPending", "headgate_registry_pending == 1", "5m", Warning,
			"{{ $labels.model }}: the registry has not been told a decision for 5 minutes", "Users are safe; headgate status shows the registry's last error."),
		rule("HeadgateServingMismatch", "headgate_serving_mismatch == 1", "2m", Warning,
			"{{ $labels.model }}: {{ $labels.upstream }} ({{ $labels.arm }}) is down or serves something else than the registry says", "headgate doctor says what."),
		rule("HeadgateBaselineBreakerOpen", `headgate_breaker_open{arm="baseline"} == 1`, "30s", Critical,
			"route {{ $labels.route }}: the breaker of the baseline is open", "Users fail, and no gate and no alert sends more of them there."),
		rule("HeadgatePolicyRefused", "headgate_config_last_reload_successful == 0", "1m", Warning,
			"The changed policy file was refused, the old policy stays", "headgate check FILE says what is wrong, by line."),
	}
}
